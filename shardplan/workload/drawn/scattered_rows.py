"""Where hot and cold rows lie in a table whose ids a hash made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ODD = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
"""By which bits are mixed: those of SplitMix64 (Steele et al. 2014)."""
_WHOLE, _HALF = (1 << 64) - 1, 32


def scattered(ranks: NDArray[np.int64], rows: int, key: int) -> NDArray[np.int64]:
    """(n,): the rows of ranks below ``rows``, as a permutation that ``key`` decides.

    Bits are mixed one to one, by odd products and folds, and once more wherever that leads beyond
    the last row; since no two ranks meet, each comes back inside (Black and Rogaway, "Ciphers with
    arbitrary finite domains", 2002).
    """
    found = ranks.astype(np.uint64)
    bits = max(rows - 1, 1).bit_length()
    outside = np.arange(len(found))
    while len(outside):
        found[outside] = _mixed(found[outside], bits, key)
        outside = outside[found[outside] >= rows]
    return found.astype(np.int64)


def _mixed(values: NDArray[np.uint64], bits: int, key: int) -> NDArray[np.uint64]:
    """Another number of so many bits for each."""
    inside, fold = np.uint64((1 << bits) - 1), np.uint64(bits // 2 or 1)
    for odd in _ODD:
        start = (key * odd & _WHOLE) >> _HALF  # Other bits of the key in each turn.
        values = (values + np.uint64(start)) * np.uint64(odd) & inside
        values ^= values >> fold
    return values
