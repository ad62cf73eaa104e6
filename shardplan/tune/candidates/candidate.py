"""A plan that is worth a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.plan.finding import Finding
from shardplan.plan.planned import planned_tables
from shardplan.plan.recover import decision_of

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan


@dataclass(frozen=True, slots=True)
class Candidate:
    """A plan, and how it came to be one."""

    name: str
    """Unique, and the stem of its files."""
    origin: str
    """In words: what made it."""
    round: int
    """In which it was proposed, from 1."""
    plan: Plan
    is_given: bool = False
    """By the user, or a published baseline: what tuning has to beat."""


def decisions_of(plan: Plan, case: Case) -> tuple[Decision, ...]:
    """What a plan decides for each table of a case.

    Raises ValueError where it is not a plan of these tables on these devices.
    """
    found = planned_tables(plan, case.workload)
    if len(found) != len(case.workload.tables):
        raise ValueError("it does not hold every table of the spec")
    if plan.world_size != case.topology.world_size:
        raise ValueError(
            f"it is for {plan.world_size} devices; the spec has {case.topology.world_size}"
        )
    if plan.local_world_size != case.topology.devices_per_node:
        raise ValueError("its nodes have another number of devices than the spec's")
    decisions: list[Decision] = []
    for planned in found:
        one = decision_of(planned, case.topology.world)
        if isinstance(one, Finding):
            raise ValueError(f"{one.where}: {one.message}")
        decisions.append(one)
    return tuple(decisions)


def likeness(plan: Plan) -> tuple[object, ...]:
    """Equal for plans that differ in the names of devices and nodes alone, which are all alike."""
    held: list[list[str]] = [[] for _ in range(plan.world_size)]
    everywhere = []
    for module, tables in plan.plan.items():
        for name, entry in tables.items():
            told = f"{module}/{name} {entry.sharding_type} {entry.compute_kernel} {entry.cache}"
            if not entry.shards:
                everywhere.append(told)
            for shard, rank in zip(entry.shards, entry.ranks, strict=False):
                held[rank].append(f"{told} {shard.shard_sizes}")
    ranks = [tuple(sorted(each)) for each in held]
    size = plan.local_world_size
    nodes = sorted(
        tuple(sorted(ranks[first : first + size])) for first in range(0, len(ranks), size)
    )
    return (tuple(sorted(everywhere)), tuple(nodes))
