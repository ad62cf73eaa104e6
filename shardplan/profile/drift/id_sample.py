"""A sample of ids that is the same on every engine and every day."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PRIME = 2**31 - 1
_FACTOR = 48_271
"""S. K. Park, K. W. Miller and P. K. Stockmeyer, Communications of the ACM 36, 1993: a full period
modulo the prime, and the products fit 64 bits on every engine."""
MOST_KEPT = 2**16
"""Ids of a sample that are kept of a table, about."""


def is_sampled(ids: NDArray[np.int64], one_in: int) -> NDArray[np.bool_]:
    """(n,): whether an id, 0 or more, is in the sample of one in so many, a power of 2.

    Samples of fewer ids are parts of those of more.
    """
    found: NDArray[np.bool_] = ((ids % _PRIME) * _FACTOR) % _PRIME % one_in == 0
    return found


def one_in_of(ids: int, most: int = MOST_KEPT) -> int:
    """The least power of 2 by which a sample of so many ids keeps at most ``most``, about."""
    one_in = 1
    while ids > most * one_in:
        one_in *= 2
    return one_in
