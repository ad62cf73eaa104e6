"""What plans state beside the spec that they carry: of older ones taken from it, of all held to it.

Plans state it since format 1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from shardplan.errors import InputError
from shardplan.plan.checks.tables import check_facts, check_training, check_world
from shardplan.plan.file.training_facts import TrainingFacts
from shardplan.sharding.world import World
from shardplan.spec.build_workload import build_workload
from shardplan.spec.load import spec_from_value
from shardplan.topology.schema import TopologyFile
from shardplan.workload.access import Padded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.plan import Plan
    from shardplan.plan.finding import Finding
    from shardplan.workload.access import Access
    from shardplan.workload.table import Table
    from shardplan.workload.wire.reduction import Reduction
    from shardplan.workload.workload import Workload


def training_of(plan: Plan) -> TrainingFacts | None:
    """How the plan's model is trained; None where neither it nor its spec says so."""
    if plan.training is not None:
        return plan.training
    workload = _carried(plan)
    if workload is None:
        return None
    return TrainingFacts.of(workload, plan.world_size, workload.training.reduction)


def accesses_of(plan: Plan) -> dict[tuple[str, str], Access]:
    """By module and name, how ids hit a table, padding among them, of all tables of which that is
    known."""
    stated: dict[tuple[str, str], Access] = {
        (t.module, t.name): Padded(t.access, t.padding.padding) if t.padding else t.access
        for t in plan.tables
        if t.access is not None
    }
    if len(stated) == len(plan.tables):
        return stated
    workload = _carried(plan)
    carried = {(t.module, t.name): t.access for t in workload.tables} if workload else {}
    return carried | stated


def stated_faults(plan: Plan) -> Iterator[Finding]:
    """What it states of its tables, its job and its devices that its own spec has otherwise.

    Of a plan that carries no spec, or none that can be read, nothing is known to be wrong.
    """
    workload, world = _carried(plan), _carried_world(plan)
    if workload is not None:
        yield from check_facts(plan, workload)
        yield from check_training(plan, workload, plan.world_size, _reduction(plan, workload))
    if world is not None:
        yield from check_world(plan, world)


def _reduction(plan: Plan, workload: Workload) -> Reduction:
    """How its gradients are summed: as the plan states, where the spec leaves that open."""
    settled = workload.training.reduction.settled
    stated = plan.training.reduction if plan.training else None
    return next((each for each in settled if each == stated), settled[0])


def _carried_world(plan: Plan) -> World | None:
    """The devices of the topology inside a plan; None where there is none that is right."""
    try:
        file = TopologyFile.model_validate((plan.resolved or {})["topology"])
    except (KeyError, ValidationError):
        return None
    each = file.devices_per_node
    return World(file.nodes * each, each, file.device.kind)


def carried_tables(plan: Plan) -> dict[tuple[str, str], Table]:
    """By module and name, the tables of the spec inside a plan; none where none is there."""
    workload = _carried(plan)
    return {(t.module, t.name): t for t in workload.tables} if workload else {}


def _carried(plan: Plan) -> Workload | None:
    """The workload of the spec inside a plan; None where there is none, or none that is right."""
    if plan.resolved is None:
        return None
    try:
        loaded = spec_from_value(plan.resolved, plan.name)
    except InputError:
        return None
    return None if loaded.faults else build_workload(loaded.spec, plan.world_size)
