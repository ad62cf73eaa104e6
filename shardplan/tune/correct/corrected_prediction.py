"""What a plan takes under some values of the unknowns, and how that changes with each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.phases import DENSE, OVERHEAD

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.tune.correct.anatomy import Anatomy
    from shardplan.tune.correct.unknowns import Unknowns


@dataclass(frozen=True, eq=False)
class CorrectedPrediction:
    """Seconds of the P phases and of the step, with their derivatives by the N unknowns."""

    phase_seconds: NDArray[np.float64]
    """(P,): of the slowest device."""
    phase_slopes: NDArray[np.float64]
    """(P, N)."""
    step_seconds: float
    step_slopes: NDArray[np.float64]
    """(N,)."""
    dense_seconds: float

    def by_phase(self, unknowns: Unknowns) -> Iterator[tuple[str, float, NDArray[np.float64]]]:
        """Name, seconds and slopes (N,) of each phase, and of the dense part."""
        yield from zip(unknowns.phases, self.phase_seconds.tolist(), self.phase_slopes, strict=True)
        slopes = np.zeros(len(self.step_slopes))
        if unknowns.dense >= 0:
            slopes[unknowns.dense] = self.dense_seconds
        yield DENSE.name, self.dense_seconds, slopes

    @classmethod
    def of(
        cls, anatomy: Anatomy, unknowns: Unknowns, values: NDArray[np.float64]
    ) -> CorrectedPrediction:
        """Of one plan; ``values`` (N,)."""
        padded = np.append(values, 0.0)  # -1 is nothing: a factor of 1, or 0 seconds
        own = np.exp(padded[unknowns.of_phase])
        kinds = anatomy.seconds * np.exp(padded[unknowns.of_type]).T[:, None, :]
        seconds = own * (anatomy.constant_seconds + kinds.sum(axis=0))
        at = unknowns.phases.index(OVERHEAD.name)
        unit = unknowns.unit_seconds
        per_table = padded[unknowns.per_table] @ anatomy.shards
        per_group = float(padded[unknowns.per_group] @ anatomy.groups)
        seconds[:, at] += unit * (padded[unknowns.per_step] + per_group + per_table)
        slowest = seconds.argmax(axis=0)
        columns = np.arange(len(slowest))
        slopes = np.zeros((len(slowest), len(padded)))
        _add(slopes, columns, unknowns.of_phase, (own * anatomy.constant_seconds))
        for kind in range(len(kinds)):
            part = own * kinds[kind, slowest, columns]
            _add(slopes, columns, unknowns.of_phase, part)
            _add(slopes, columns, unknowns.of_type[:, kind], part)
            slopes[at, unknowns.per_table[kind]] += unit * anatomy.shards[kind, slowest[at]]
            slopes[at, unknowns.per_group[kind]] += unit * anatomy.groups[kind]
        slopes[at, unknowns.per_step] += unit
        slopes[:, -1] = 0.0
        return cls._of_step(anatomy, unknowns, padded, seconds, slopes)

    @classmethod
    def _of_step(
        cls,
        anatomy: Anatomy,
        unknowns: Unknowns,
        padded: NDArray[np.float64],
        seconds: NDArray[np.float64],
        slopes: NDArray[np.float64],
    ) -> CorrectedPrediction:
        dense = anatomy.step.dense_seconds * float(np.exp(padded[unknowns.dense]))
        step = replace(anatomy.step, dense_seconds=dense)
        step_slopes = slopes[step.waits_for(seconds)].sum(axis=0)
        step_slopes[unknowns.dense] += dense * step.dense_share(seconds)
        step_slopes[-1] = 0.0
        return cls(
            seconds.max(axis=0), slopes[:, :-1], step.seconds(seconds), step_slopes[:-1], dense
        )


def _add(
    slopes: NDArray[np.float64],
    rows: NDArray[np.int64],
    at: NDArray[np.int64],
    parts: NDArray[np.float64],
) -> None:
    slopes[rows, at] += parts
