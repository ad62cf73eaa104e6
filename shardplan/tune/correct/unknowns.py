"""What of a cost model may be off, as one vector of numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.phases import DENSE, OVERHEAD
from shardplan.cost.profile.corrections import Correction, Corrections
from shardplan.tune.correct.anatomy import kinds_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.tune.correct.anatomy import Anatomy
    from shardplan.tune.tune_params import Priors

_LEAST_FACTOR = 1e-3
"""In log space: a factor nearer to 1 is left out."""


@dataclass(frozen=True, eq=False)
class Unknowns:
    """Log factors of phases, of the dense part and of types in phases; seconds that are added.

    Added seconds count in steps, so that all numbers are of one size. Positions in the vector, -1
    of what the measurements cannot tell or the model does not have.
    """

    phases: tuple[str, ...]
    """P names."""
    of_phase: NDArray[np.int64]
    """(P,)."""
    of_type: NDArray[np.int64]
    """(P, K)."""
    dense: int
    per_step: int
    per_group: NDArray[np.int64]
    """(K,)."""
    per_table: NDArray[np.int64]
    """(K,)."""
    deviation: NDArray[np.float64]
    """(N,): how far each may be from its prior mean, 0."""
    unit_seconds: float
    """A step: the unit of what is added."""

    @classmethod
    def of(cls, anatomies: Sequence[Anatomy], step_seconds: float, priors: Priors) -> Self:
        """Of the plans that were measured.

        A type has a factor in a phase where plans were run whose tables of two types or more spend
        time there, and adds seconds wherever it was used.
        """
        phases = anatomies[0].phases
        spent = np.stack([each.seconds.max(axis=1) for each in anatomies])
        uses = np.swapaxes(np.logical_or.reduce(spent > 0, axis=0), 0, 1)
        used = np.stack([each.groups for each in anatomies]).max(axis=0) > 0
        mean_tables = max(float(np.mean([a.shards.sum(axis=0).max() for a in anatomies])), 1.0)
        constant = anatomies[0].constant_seconds > 0
        deviations: list[float] = []

        def place(deviation: float) -> int:
            deviations.append(deviation)
            return len(deviations) - 1

        is_there = np.atleast_1d(uses.any(axis=1) | constant)
        tells = np.atleast_1d((uses.sum(axis=1) + constant) > 1)
        has_dense = anatomies[0].step.dense_seconds > 0
        return cls(
            phases=phases,
            of_phase=np.array([place(priors.phase) if each else -1 for each in is_there]),
            of_type=np.array(
                [
                    [place(priors.sharding) if use and can else -1 for use in row]
                    for row, can in zip(uses, tells, strict=True)
                ]
            ),
            dense=place(priors.phase) if has_dense else -1,
            per_step=place(priors.per_step),
            per_group=np.array([place(priors.per_group) if use else -1 for use in used]),
            per_table=np.array(
                [place(priors.per_table / mean_tables) if use else -1 for use in used]
            ),
            deviation=np.array(deviations),
            unit_seconds=step_seconds,
        )

    @property
    def is_positive(self) -> NDArray[np.bool_]:
        """(N,): what is added, which is never negative."""
        found = np.zeros(len(self.deviation), dtype=bool)
        added = np.concatenate([[self.per_step], self.per_group, self.per_table])
        found[added[added >= 0]] = True
        return found

    def corrections(self, values: NDArray[np.float64]) -> Corrections:
        """What a vector says, as a cost-model file has it; what is next to nothing is left out."""
        return Corrections(tuple(self._corrections(values)))

    def _corrections(self, values: NDArray[np.float64]) -> Iterator[Correction]:
        for position, name in enumerate(self.phases):
            log_factor = _at(values, int(self.of_phase[position]))
            added = 0.0
            if name == OVERHEAD.name:
                added = _at(values, self.per_step) * self.unit_seconds
            if abs(log_factor) > _LEAST_FACTOR or added:
                yield Correction(name, None, float(np.exp(log_factor)), added)
            yield from self._of_types(values, position, name)
        log_factor = _at(values, self.dense)
        if abs(log_factor) > _LEAST_FACTOR:
            yield Correction(DENSE.name, None, float(np.exp(log_factor)))

    def _of_types(
        self, values: NDArray[np.float64], position: int, name: str
    ) -> Iterator[Correction]:
        for code, place in enumerate(self.of_type[position].tolist()):
            log_factor, per_table, per_group = _at(values, place), 0.0, 0.0
            if name == OVERHEAD.name:
                per_table = _at(values, int(self.per_table[code])) * self.unit_seconds
                per_group = _at(values, int(self.per_group[code])) * self.unit_seconds
            if abs(log_factor) > _LEAST_FACTOR or per_table or per_group:
                factor = float(np.exp(log_factor))
                yield Correction(name, kinds_of(code), factor, 0.0, per_table, per_group)


def _at(values: NDArray[np.float64], place: int) -> float:
    return float(values[place]) if place >= 0 else 0.0
