"""Gradients of data-parallel tables that are summed in another way than at once and in full."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.cost.phases import ALL_REDUCE
from shardplan.explain.advice.inexact.otherwise_trained import otherwise_trained
from shardplan.explain.advice.rule import Rule, Warned
from shardplan.explain.words.words import seconds as words_of
from shardplan.workload.wire.reduction import Reduction
from shardplan.workload.wire.reduction_algorithm import ReductionAlgorithm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.predict import Prediction


class OtherSums(Rule):
    """Says what sparsified sums change, and how long sums take beside flat and exact ones."""

    def of_case(self, case: Case) -> Iterator[Warned]:
        """What is learnt otherwise, and an algorithm that the machine has no use for."""
        reduction, world = case.workload.training.reduction, case.topology.world
        if not reduction.is_exact:
            hint = "leave training.all_reduce.top_k out to sum all numbers"
            path = ("training", "all_reduce", "top_k")
            yield Warned("inexact_sums", path, reduction.notice, hint)
        is_hierarchical = reduction.algorithm is ReductionAlgorithm.HIERARCHICAL
        if is_hierarchical and not reduction.algorithm.has_levels(
            world.size, world.devices_per_node
        ):
            yield Warned(
                "flat_sums",
                ("training", "all_reduce", "algorithm"),
                "hierarchical sums go by several nodes of several devices: here they are flat",
            )

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """Where tables are data-parallel; nothing of flat and exact sums."""
        training, reduction = case.workload.training, case.cost_model.reduction
        entries = (entry for tables in plan.plan.values() for entry in tables.values())
        if reduction == Reduction() or not any(e.sharding_type.is_replicated for e in entries):
            return
        if not reduction.is_exact:
            yield f"{reduction.notice}; leave training.all_reduce.top_k out to sum all numbers"
        found = otherwise_trained(plan, case, replace(training, reduction=Reduction()))
        if found is not None:
            kind = "" if reduction.is_exact else "sparsified "
            yield (
                f"{kind}{reduction.algorithm} sums of data-parallel tables take "
                f"{words_of(_all_reduce_seconds(found.planned))} of all_reduce; flat and exact "
                f"ones would take {words_of(_all_reduce_seconds(found.otherwise))}"
            )


def _all_reduce_seconds(prediction: Prediction) -> float:
    names = [phase.name for phase in prediction.phases]
    return float(prediction.phase_seconds[names.index(ALL_REDUCE.name)])
