"""By which algorithm the gradients of data-parallel tables are summed, where a spec leaves it open.

What a sum takes is linear in what is summed, of each algorithm along its own line: which is the
quicker depends on all that a plan replicates. So each is planned, and the best plan taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.options.policy import policies
from shardplan.plan.predict import predict
from shardplan.workload.wire.reduction_algorithm import ReductionAlgorithm

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision


def cases_by_sums(case: Case) -> tuple[Case, ...]:
    """The case with each algorithm that sums may take, the flat one first; with that alone where
    no table may be data-parallel or the machine has no levels; itself where the spec says which."""
    choices = [each.algorithm for each in case.workload.training.reduction.settled]
    if len(choices) == 1:
        return (case,)
    world = case.topology.world
    has_levels = any(each.has_levels(world.size, world.devices_per_node) for each in choices)
    if not has_levels or not _may_replicate(case):
        choices = [ReductionAlgorithm.FLAT]
    return tuple(case.summing_by(each) for each in choices)


def quickest_sums(case: Case, decisions: Sequence[Decision]) -> Case:
    """The case with the algorithm by which plans of these decisions are fastest."""
    every = cases_by_sums(case)
    if len(every) == 1:
        return every[0]
    return min(every, key=lambda each: predict(each, decisions).step_seconds)


def _may_replicate(case: Case) -> bool:
    found = policies(case.workload, case.topology.world, case.constraints)
    return any(kind.is_replicated for policy in set(found) for kind in policy.sharding)
