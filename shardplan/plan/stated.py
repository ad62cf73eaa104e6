"""What plans state of a job, or else the spec that they carry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.plan.file.training_facts import TrainingFacts
from shardplan.spec.build_workload import build_workload
from shardplan.spec.load import spec_from_value

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan
    from shardplan.workload.access import Access
    from shardplan.workload.row_order import RowOrder
    from shardplan.workload.workload import Workload


def training_of(plan: Plan) -> TrainingFacts | None:
    """How the plan's model is trained; None where neither it nor its spec says so."""
    if plan.training is not None:
        return plan.training
    workload = _carried(plan)
    return None if workload is None else TrainingFacts.of(workload, plan.world_size)


def accesses_of(plan: Plan) -> dict[tuple[str, str], Access]:
    """By module and name, how ids hit a table, of all tables of which that is known."""
    stated = {(t.module, t.name): t.access for t in plan.tables if t.access is not None}
    if len(stated) == len(plan.tables):
        return stated
    workload = _carried(plan)
    carried = {(t.module, t.name): t.access for t in workload.tables} if workload else {}
    return carried | stated


def row_orders_of(plan: Plan) -> dict[tuple[str, str], RowOrder]:
    """By module and name, where the hot rows of a table lie; of none where no spec says so."""
    workload = _carried(plan)
    return {(t.module, t.name): t.ids for t in workload.tables} if workload else {}


def _carried(plan: Plan) -> Workload | None:
    """The workload of the spec inside a plan; None where there is none, or none that is right."""
    if plan.resolved is None:
        return None
    try:
        loaded = spec_from_value(plan.resolved, plan.name)
    except InputError:
        return None
    return None if loaded.faults else build_workload(loaded.spec, plan.world_size)
