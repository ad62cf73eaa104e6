"""What the chains of a step take whatever the placement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shardplan.cost.part import Part
from shardplan.cost.phases import DENSE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.case import Case
    from shardplan.workload.pipeline.cover import Cover

ChainKey = frozenset["Cover"]
"""What the phases of a chain hide behind; the critical path, behind nothing."""


@dataclass(frozen=True, slots=True)
class ChainFloor:
    """A chain of phases, and its own seconds."""

    phases: frozenset[str]
    start_seconds: Mapping[str, float]
    """By phase: launches and start-ups; what comes in from outside."""
    dense_seconds: float
    """Of the dense part, but for its collectives."""
    dense_sum_seconds: float
    """Of its collectives, what nothing hides."""
    unsteady: frozenset[str] = frozenset()
    """Phases whose start-up may be less on a size between two than on both: collectives of devices
    that have no links of their own, so that now the host's links are slowest, and now the NICs."""

    @property
    def seconds(self) -> float:
        """All of them."""
        return sum(self.start_seconds.values()) + self.dense_seconds + self.dense_sum_seconds

    @property
    def by_phase(self) -> dict[str, float]:
        """The dense part as one."""
        dense = self.dense_seconds + self.dense_sum_seconds
        return {**self.start_seconds, **({DENSE.name: dense} if dense else {})}

    @classmethod
    def of_all(cls, case: Case) -> dict[ChainKey, Self]:
        """Every chain of a case's step."""
        step = case.step
        stages, dense = step.stages, case.cost_model.dense
        shares_links = case.machine.file.scale_up is None
        found = {}
        for number, key in enumerate(step.chains):
            inside = stages.in_chain[:, number]
            members = [phase for phase, is_in in zip(step.phases, inside, strict=True) if is_in]
            starts = {phase.name: phase.constant_seconds for phase in members}
            whole = float(stages.chain_seconds[number]) - sum(starts.values())
            sums = min(dense.all_reduce_seconds, max(whole, 0.0))
            sent = (phase.name for phase in members if phase.part is Part.NETWORK)
            unsteady = frozenset(sent if shares_links else ())
            found[key] = cls(frozenset(starts), starts, max(whole - sums, 0.0), sums, unsteady)
        return found

    def least(self, other: Self) -> Self:
        """What a size between two takes at least: starts and sums grow with the number of devices,
        the rest of the dense part shrinks, so that each is least at one of them."""
        both = self.phases & other.phases
        steady = both - self.unsteady - other.unsteady
        return type(self)(
            both,
            {name: min(self.start_seconds[name], other.start_seconds[name]) for name in steady},
            min(self.dense_seconds, other.dense_seconds),
            min(self.dense_sum_seconds, other.dense_sum_seconds),
        )
