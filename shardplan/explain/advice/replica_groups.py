"""Groups of devices that each run the plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cost.phases import REPLICA_SYNC
from shardplan.explain.advice.rule import Rule
from shardplan.explain.words import words
from shardplan.sharding.grouping import GroupOrder
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

_HOW = {
    GroupOrder.STRIDED: "dealt in turn, so that replicas of a shard are neighbours",
    GroupOrder.CONTIGUOUS: "neighbours in one group",
}


class ReplicaGroups(Rule):
    """Says whose ranks those of the plan are, and what keeping replicas alike takes and changes."""

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """Nothing of a plan for all devices together."""
        facts = plan.replicas
        if facts is None:
            return
        how = "step" if facts.sync_every == 1 else f"{facts.sync_every:,} steps"
        spent = plan.prediction.phases.get(REPLICA_SYNC.name)
        took = "" if spent is None else f", {words.seconds(spent)} of a step"
        yield (
            f"it is the plan of each of {facts.groups:,} groups of "
            f"{words.plural(plan.world_size, 'device')}, {facts.world_size:,} in all, "
            f"{_HOW[facts.order]}; replicas are averaged every {how}{took}"
        )
        if case.workload.training.optimizer is Optimizer.ROWWISE_ADAGRAD:
            yield (
                f"each group's moments see its own samples alone: with {facts.groups:,} groups "
                "row-wise Adagrad steps farther, unless the job scales them (arXiv 2508.03854)"
            )
