"""What falls by chance in a round of repartition: numbers that depend on nothing but their place.

Each is a hash of the round's key, of what it is for, and of a number of what it is for. So whoever
makes a round may ask for those it needs alone, in any order.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COIN, KEY, OPTION, NOISE = range(4)
"""What numbers are for: whether a row changes as a whole, which changes are drawn, what a row
becomes, and how the combinations of a pair are ranked."""

STEP = 0x9E3779B97F4A7C15
FIRST_FACTOR, SECOND_FACTOR = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
FIRST_SHIFT, SECOND_SHIFT, THIRD_SHIFT = 30, 27, 31
"""Of splitmix64 (Steele, Lea and Flood, OOPSLA 2014)."""
USE_FACTOR = 0xD1B54A32D192ED03
"""Odd, so that the numbers of each use begin elsewhere."""
LOG2_COMBINATIONS = 20
"""More changes than so many are not combined."""
LEVELS_BITS = 16
"""Noise has ``2 ** LEVELS_BITS`` levels, so that one number is enough for ..."""
LOG2_AT_ONCE = 2
"""... ``2 ** LOG2_AT_ONCE`` combinations."""

_WORD = 1 << 64


@dataclass(frozen=True, slots=True)
class Dice:
    """All chance of one round."""

    order: NDArray[np.int64]
    """(R, places): the first two places of a copy are its first pair, and so on."""
    key: np.uint64

    @classmethod
    def thrown(cls, rounds: int, copies: int, places: int, rng: np.random.Generator) -> list[Dice]:
        """Those of so many rounds, for ``copies`` with so many places each."""
        every = np.tile(np.arange(places), (rounds * copies, 1))
        order = rng.permuted(every, axis=1).reshape(rounds, copies, places)
        keys = rng.integers(_WORD, size=rounds, dtype=np.uint64)
        return [cls(one, key) for one, key in zip(order, keys, strict=True)]

    def bits(self, use: int, number: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Of each ``number``, 64 random bits."""
        start = (int(self.key) + use * USE_FACTOR) % _WORD
        found = number.astype(np.uint64) * np.uint64(STEP) + np.uint64((start + STEP) % _WORD)
        found ^= found >> np.uint64(FIRST_SHIFT)
        found *= np.uint64(FIRST_FACTOR)
        found ^= found >> np.uint64(SECOND_SHIFT)
        found *= np.uint64(SECOND_FACTOR)
        found ^= found >> np.uint64(THIRD_SHIFT)
        return found

    def noise(self, pairs: NDArray[np.int64], count: int) -> NDArray[np.float32]:
        """(G, count): Gumbel noise of the combinations of each of the (G,) pairs."""
        words = max(1, count >> LOG2_AT_ONCE)
        number = (pairs[:, None] << LOG2_COMBINATIONS) + np.arange(words)
        shift = np.arange(1 << LOG2_AT_ONCE, dtype=np.uint64) * np.uint64(LEVELS_BITS)
        parts = self.bits(NOISE, number)[:, :, None] >> shift
        level = (parts & np.uint64((1 << LEVELS_BITS) - 1)).reshape(len(pairs), -1)
        return noise_levels()[level[:, :count].astype(np.int64)]


@cache
def noise_levels() -> NDArray[np.float32]:
    """(2 ** LEVELS_BITS,): the logarithm of an exponential, from its least likely small value on.

    The least of scores to which such noise is added is a draw with odds ``exp(-score)``.
    """
    count = 1 << LEVELS_BITS
    below = (np.arange(count) + 0.5) / count
    levels: NDArray[np.float32] = np.log(-np.log1p(-below)).astype(np.float32)
    return levels
