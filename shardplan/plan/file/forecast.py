"""The plan file's ``prediction``: seconds and bytes of every rank."""

from collections.abc import Iterable
from typing import Self

from shardplan.cost.phase import Phase
from shardplan.cost.phases import DENSE
from shardplan.plan.file.plan_model import Count, PlanModel, Seconds
from shardplan.plan.file.table_entry import MemoryBytes


class RankForecast(PlanModel):
    """What one rank spends in each phase, and what it holds in each tier."""

    rank: Count
    phases: dict[str, Seconds]
    memory_bytes: MemoryBytes
    """Shards, activations, buffers and the dense model; ``reserve_bytes`` comes on top."""


class Forecast(PlanModel):
    """What a step costs under the plan."""

    step_seconds: Seconds
    balance_seconds: Seconds
    """The largest sum over phases of any one rank."""
    dense_seconds: Seconds
    """The part of the step that is spent outside the tables."""
    dense_phases: dict[str, Seconds] | None = None
    """What it is made of; only where it is predicted from layers."""
    phases: dict[str, Seconds]
    """What each phase takes: the time of its slowest rank."""
    overlapped: tuple[str, ...]
    """The phases that hide behind the batch before, when the training is pipelined."""
    reserve_bytes: MemoryBytes
    """Kept free by the spec: hbm of each device; ddr and ssd of each node."""
    ranks: tuple[RankForecast, ...]

    @property
    def dense_parts(self) -> dict[str, float]:
        """By name what the dense part is made of: itself where no more is known."""
        return self.dense_phases or {DENSE.name: self.dense_seconds}

    def completed(self, phases: Iterable[Phase]) -> Self:
        """The same with 0 seconds for each of these phases that the plan is too old to know."""
        of_model = tuple(phases)
        hidden = tuple(
            phase.name
            for phase in of_model
            if phase.overlapped and (phase.name in self.overlapped or phase.name not in self.phases)
        )
        unknown = tuple(name for name in self.overlapped if name not in hidden)
        ranks = tuple(
            rank.model_copy(update={"phases": _completed(rank.phases, of_model)})
            for rank in self.ranks
        )
        more = {"phases": _completed(self.phases, of_model), "overlapped": hidden + unknown}
        return self.model_copy(update=more | {"ranks": ranks})


def _completed(seconds: dict[str, float], phases: Iterable[Phase]) -> dict[str, float]:
    """In the order of the phases; what is not among them comes last."""
    return {phase.name: seconds.get(phase.name, 0.0) for phase in phases} | seconds
