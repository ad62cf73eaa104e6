"""Where a series changes its level, if it does."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SHUFFLES = 4_000
_MANY = 200
"""Of values: from there on Pettitt's approximation is as good as shuffling."""


@dataclass(frozen=True, slots=True)
class ChangePoint:
    """The most likely place of a change, and the chance to see as much where there is none."""

    position: int
    """Of the first value after it."""
    chance: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> ChangePoint:
        """Of two values or more, by Pettitt's test (Applied Statistics 28, 1979).

        It compares ranks before and after each place, so that neither outliers nor the form of the
        noise matter; values are taken to be independent of one another. The chance is that of the
        values in another order: of some thousand, or by Pettitt's formula, which says too much
        rather than too little; the smaller of the two.
        """
        count = len(values)
        above = np.sign(values[:, None] - values[None, :]).sum(axis=1)
        sums = np.abs(np.cumsum(above)[:-1])
        position, largest = int(sums.argmax()) + 1, float(sums.max())
        chance = min(1.0, 2 * exp(-6 * largest**2 / (count**3 + count**2)))
        if count <= _MANY:
            chance = min(chance, _chance(above, largest))
        return cls(position, chance)


def _chance(above: NDArray[np.float64], largest: float) -> float:
    """How often another order goes as far, itself counted once."""
    generator = np.random.default_rng(len(above))
    orders = generator.permuted(np.tile(above, (_SHUFFLES, 1)), axis=1)
    found = np.abs(np.cumsum(orders, axis=1)[:, :-1]).max(axis=1)
    as_far = int((found >= largest).sum())
    return (1 + as_far) / (1 + _SHUFFLES)
