"""The groups of devices that each run the plan, and that they are all devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.plan.changes import changes
from shardplan.plan.file.training_facts import ReplicaFacts
from shardplan.plan.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan


def check_replicas(plan: Plan, case: Case) -> Iterator[Finding]:
    """What the plan says of groups is what the spec says, and each device is in one of them."""
    facts, code = plan.replicas, "replicas"
    real = ReplicaFacts.of(case.topology, case.workload.training.replica_sync)
    if (facts is None) != (real is None):
        said = "says nothing of groups" if facts is None else f"is of one of {facts.groups} groups"
        groups = case.topology.groups
        yield Finding(code, code, f"the plan {said}; by the spec there are {groups}")
    if facts is None or real is None:
        return
    for change in changes(facts.model_dump(mode="json"), real.model_dump(mode="json")):
        yield Finding(code, f"{code}.{change.where}", f"is {change.was}; by the spec {change.now}")
    if facts != real:  # Its devices may be too many to be counted.
        return
    if facts.groups * plan.world_size != facts.world_size:
        message = (
            f"{facts.groups} groups of {plan.world_size} devices are "
            f"{facts.groups * plan.world_size}, not {facts.world_size}"
        )
        yield Finding(code, f"{code}.world_size", message)
        return
    ranks = sorted(rank for group in facts.grouping.ranks(facts.world) for rank in group)
    if ranks != list(range(facts.world_size)):
        yield Finding(code, code, "some device is in no group, or in several")
