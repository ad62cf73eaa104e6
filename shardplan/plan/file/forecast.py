"""The plan file's ``prediction``: seconds and bytes of every rank."""

from collections.abc import Container, Iterable
from typing import Self

from pydantic import Field

from shardplan.cost.phase import Phase
from shardplan.cost.phases import COVERED, DENSE, chain_of, cover_sets
from shardplan.plan.file.plan_model import Count, PlanModel, Seconds
from shardplan.plan.file.table_entry import MemoryBytes
from shardplan.workload.pipeline.cover import Cover


class RankForecast(PlanModel):
    """What one rank spends in each phase, and what it holds in each tier."""

    rank: Count
    phases: dict[str, Seconds]
    memory_bytes: MemoryBytes
    """Shards, activations, buffers and the dense model; ``reserve_bytes`` comes on top."""


class ChargeForecast(PlanModel):
    """What is paid once for all tables of a group, however many they are."""

    group: str
    """Such as a sharding type."""
    phases: dict[str, Seconds]
    """What it adds to each phase of every rank, which has it within its own seconds."""


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
    beside: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """By what they hide behind, the phases that run beside the step, pipelined or not: the step is
    at least as long as the sum of each, with what comes before and after it. Left out where there
    are none.
    """
    reserve_bytes: MemoryBytes
    """Kept free by the spec: hbm of each device; ddr and ssd of each node."""
    ranks: tuple[RankForecast, ...]
    charges: tuple[ChargeForecast, ...] = ()
    """Of the groups that the plan uses; left out where nothing is charged once."""

    @property
    def dense_parts(self) -> dict[str, float]:
        """By name what the dense part is made of: itself where no more is known."""
        return self.dense_phases or {DENSE.name: self.dense_seconds}

    def completed(self, phases: Iterable[Phase]) -> Self:
        """The same with 0 seconds for each of these phases that the plan is too old to know."""
        of_model = tuple(phases)
        beside = self.beside | {
            cover: _in_model_order(self.beside.get(cover, ()), hidden, self.phases)
            for cover, hidden in beside_of(of_model).items()
        }
        hidden = tuple(phase.name for phase in of_model if phase.overlapped)
        overlapped = _in_model_order(self.overlapped, hidden, self.phases)
        ranks = tuple(
            rank.model_copy(update={"phases": _completed(rank.phases, of_model)})
            for rank in self.ranks
        )
        phases_of_model = _completed(self.phases, of_model)
        more = {"phases": phases_of_model, "overlapped": overlapped, "ranks": ranks}
        return self.model_copy(update=more | ({"beside": beside} if beside else {}))

    @property
    def hideable(self) -> frozenset[str]:
        """The phases that may run while the step waits for others."""
        return frozenset(self.overlapped).union(*self.beside.values())

    @property
    def waited_for(self) -> frozenset[str]:
        """The phases that the step waits for, ``dense`` and its parts among them if it is: those
        of the chain that is as long as the step.

        Where the training is not pipelined that is the critical path with what hides otherwise.
        """
        seconds = self.phases | self.dense_parts
        unpipelined = dict.fromkeys(seconds) | self._covers
        pipelined = unpipelined | dict.fromkeys(self.overlapped, Cover.BATCH_BEFORE)
        chains = [
            chain_of(behind, covers)
            for behind in (pipelined, unpipelined)
            for covers in cover_sets(behind.values())
        ]
        sums = [sum(seconds[name] for name in seconds if name in chain) for chain in chains]
        return min(zip(sums, chains, strict=True), key=lambda e: abs(e[0] - self.step_seconds))[1]

    @property
    def parts_beside(self) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
        """The phases that hide behind a part of the step, each with those of that part."""
        found = ((cover_of(name), own) for name, own in self.beside.items())
        return tuple((frozenset(own), COVERED[cover]) for cover, own in found if cover.is_part)

    @property
    def _covers(self) -> dict[str, Cover | None]:
        """What phases hide behind, pipelined or not."""
        return {name: cover_of(cover) for cover, own in self.beside.items() for name in own}


def beside_of(phases: Iterable[Phase]) -> dict[str, tuple[str, ...]]:
    """The names of the phases that hide without a pipeline, by what they hide behind."""
    found: dict[str, tuple[str, ...]] = {}
    for phase in phases:
        if phase.hides_behind and not phase.hides_behind.needs_pipeline:
            cover = phase.hides_behind.name.lower()
            found[cover] = (*found.get(cover, ()), phase.name)
    return found


def cover_of(name: str) -> Cover:
    """As plans call them; one that is not known is none that is a part of the step."""
    return Cover.__members__.get(name.upper(), Cover.DEVICES)


def _in_model_order(
    recorded: tuple[str, ...], of_model: tuple[str, ...], phases: Container[str]
) -> tuple[str, ...]:
    """Those of the model that are recorded, or that the plan is too old for; then all others."""
    known = tuple(name for name in of_model if name in recorded or name not in phases)
    return known + tuple(name for name in recorded if name not in known)


def _completed(seconds: dict[str, float], phases: Iterable[Phase]) -> dict[str, float]:
    """In the order of the phases; what is not among them comes last."""
    return {phase.name: seconds.get(phase.name, 0.0) for phase in phases} | seconds
