"""By how much a phase moved, rank by rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.plan.file.measured import Measured

_FEWEST = 3
"""Files on each side of a change that tell of a rank."""
_SURE = 4.0
"""In standard errors."""
_MISFIT = 0.15
"""Relative: how far off the predicted shares of a phase may be."""
_MOST_GROWTH = 9.0
"""Relative: nothing takes ten times as long."""
_MAD_TO_SIGMA, _MEDIAN_TO_MEAN = 1.4826, 1.2533
"""Of a normal distribution: standard deviation over median absolute deviation, and the standard
error of a median over that of a mean."""


@dataclass(frozen=True, eq=False)
class RankShift:
    """Of R ranks that the files tell of; (R,) each."""

    ranks: NDArray[np.int64]
    before_seconds: NDArray[np.float64]
    moved_seconds: NDArray[np.float64]
    error_seconds: NDArray[np.float64]
    """A standard error of what moved."""

    @classmethod
    def of(cls, phase: str, before: Sequence[Measured], after: Sequence[Measured]) -> Self:
        """Between files before and after a change; no ranks where too few tell of them."""
        sides = [_by_rank(phase, before), _by_rank(phase, after)]
        ranks = [
            rank
            for rank in sorted(sides[0].keys() & sides[1].keys())
            if min(len(side[rank]) for side in sides) >= _FEWEST
        ]
        middles, errors = (
            np.array([[of(side[rank]) for rank in ranks] for side in sides]).reshape(2, -1)
            for of in (np.median, _error)
        )
        moved, error = middles[1] - middles[0], np.hypot(*errors)
        return cls(np.array(ranks, dtype=np.int64), middles[0], moved, error)

    def moved(self, least: float) -> NDArray[np.bool_]:
        """(R,): which ranks surely did, by more than a share of what they took."""
        sure = np.abs(self.moved_seconds) > _SURE * self.error_seconds
        found: NDArray[np.bool_] = sure & (np.abs(self.moved_seconds) > least * self.before_seconds)
        return found

    def is_like(self, share: NDArray[np.float64]) -> bool:
        """Whether one factor on a share (R,) of each rank's seconds accounts for what moved.

        One that is not negative, nor so large that something else is likelier.
        """
        part = self.before_seconds * share
        weight = 1 / np.maximum(self.error_seconds, 1e-3 * self.before_seconds) ** 2
        if not (part > 0).any():
            return False
        growth = (weight * part * self.moved_seconds).sum() / (weight * part**2).sum()
        if not -1 < growth < _MOST_GROWTH:
            return False
        explained = part * growth
        misfit = _MISFIT * np.abs(self.moved_seconds).max()
        left = np.abs(self.moved_seconds - explained)
        return bool((left <= _SURE * self.error_seconds + misfit).all())


def _by_rank(phase: str, files: Sequence[Measured]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for file in files:
        for each in file.ranks:
            if phase in each.phases:
                found.setdefault(each.rank, []).append(each.phases[phase])
    return found


def _error(values: Sequence[float]) -> float:
    spread = _MAD_TO_SIGMA * float(np.median(np.abs(np.array(values) - np.median(values))))
    return float(_MEDIAN_TO_MEAN * spread / len(values) ** 0.5)
