"""What a step of a candidate means: how long its training takes, and what that costs."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, inf
from typing import TYPE_CHECKING, Self

from shardplan.size.answer.target import Target, TargetKind
from shardplan.size.terms.goodput import Goodput
from shardplan.size.terms.samples import samples_of
from shardplan.spec.sizing.goal import Goal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.size.space.candidate import Candidate
    from shardplan.size.space.space import Space
    from shardplan.spec.sizing.size_spec import SizeSpec

_SECONDS_PER_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Terms:
    """All that turns the seconds of a step into those of a training, and these into its cost.

    Both rise with the step, in straight lines, so that bounds of the step are bounds of them.
    """

    batch: int
    """Samples of one step over all devices."""
    samples: float
    """Of the training."""
    goodput: Goodput
    evaluation_seconds: float
    """Of all evaluations."""
    nodes: int
    spare_nodes: int
    node_hour: float
    """Cost of a node for an hour: in money, or in device hours where no machine has a price."""
    worker_cost_of_sample: float
    """What preparing one costs."""
    problem: str = ""
    """Why no training can be had so, whatever the step; empty where it can."""

    @classmethod
    def of(cls, space: Space, candidate: Candidate) -> Self:
        """Of a candidate, by all that the spec states."""
        size, offer = space.size, space.offer_of(candidate)
        nodes, price = candidate.nodes, offer.spec.node_per_hour
        samples = samples_of(size, candidate.batch)
        goodput = Goodput.of(size.failures, nodes, table_bytes(offer.case))
        problem = ""
        if samples is None:
            problem = f"samples_to_target does not reach a batch of {candidate.batch:,}"
        elif goodput.steps <= 0:
            problem = f"{nodes:,} nodes fail before they have made up for the last failure"
            if nodes == 1:
                problem = "1 node fails before it has made up for the last failure"
        evaluations = ceil((samples or 0.0) / size.evaluations.every) if size.evaluations else 0
        return cls(
            batch=candidate.batch,
            samples=samples or 0.0,
            goodput=goodput,
            evaluation_seconds=evaluations * size.evaluations.time if size.evaluations else 0.0,
            nodes=nodes,
            spare_nodes=ceil(nodes * offer.spec.spare),
            node_hour=price.amount if price else float(offer.devices_per_node),
            worker_cost_of_sample=_worker_cost(size),
            problem=problem,
        )

    def time_seconds(self, step_seconds: float) -> float:
        """Of the training."""
        return self._seconds_of_steps(step_seconds) / self.goodput.steps + self.evaluation_seconds

    def cost(self, step_seconds: float) -> float:
        """Of the training."""
        hours = self.time_seconds(step_seconds) / _SECONDS_PER_HOUR
        paid = self.node_hour * (self.nodes + self.spare_nodes)
        return paid * hours + self.worker_cost_of_sample * self.samples

    def values(self, step_seconds: float, goals: Sequence[Goal]) -> tuple[float, ...]:
        """What is minimised, in the order of the goals."""
        of = {Goal.TIME: self.time_seconds, Goal.COST: self.cost}
        return tuple(of[goal](step_seconds) for goal in goals)

    def longest_step(self, target: Target | None) -> float:
        """The seconds of the longest step that reaches a target; infinite without one, below 0
        where none does."""
        if target is None:
            return inf
        if (step_seconds := target.step_seconds(self.batch)) is not None:
            return step_seconds
        left = (target.value - self.evaluation_seconds) * self.goodput.steps
        return left * self.batch / self.samples

    def time_terms(self, step_seconds: float) -> dict[str, float]:
        """What the time is made of, in seconds; what was not stated is left out."""
        steps = self._seconds_of_steps(step_seconds)
        whole = steps / self.goodput.steps
        found = {
            "steps": steps,
            "checkpoints": whole * self.goodput.checkpoints,
            "failures": whole * self.goodput.failures,
            "evaluations": self.evaluation_seconds,
        }
        return {name: seconds for name, seconds in found.items() if seconds}

    def cost_terms(self, step_seconds: float) -> dict[str, float]:
        """What the cost is made of; what was not stated is left out."""
        hour = self.node_hour * self.time_seconds(step_seconds) / _SECONDS_PER_HOUR
        found = {
            "nodes": hour * self.nodes,
            "spare nodes": hour * self.spare_nodes,
            "workers": self.worker_cost_of_sample * self.samples,
        }
        return {name: cost for name, cost in found.items() if cost}

    def _seconds_of_steps(self, step_seconds: float) -> float:
        return self.samples / self.batch * step_seconds


def target_of(size: SizeSpec) -> Target | None:
    """What a spec asks for."""
    spec = size.target
    if spec is None:
        return None
    if spec.throughput is not None:
        return Target(kind=TargetKind.THROUGHPUT, value=spec.throughput)
    if spec.step is not None:
        return Target(kind=TargetKind.STEP, value=spec.step)
    assert spec.within is not None
    return Target(kind=TargetKind.WITHIN, value=spec.within)


def table_bytes(case: Case) -> float:
    """Weights and optimizer state of all tables, once: what a checkpoint holds of them."""
    state = case.workload.training.state
    return float(
        sum(
            table.rows * (table.row_bytes + state.row_bytes(table.dim))
            for table in case.workload.tables
        )
    )


def _worker_cost(size: SizeSpec) -> float:
    """Of one sample: workers are had as they are needed, a part of an hour too."""
    workers = size.workers
    return workers.price.amount / _SECONDS_PER_HOUR / workers.throughput if workers else 0.0
