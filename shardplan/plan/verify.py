"""Whether a plan is complete, legal, fits, is fresh, and costs what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.bulk import in_bulk
from shardplan.errors import InputError, ShardplanError
from shardplan.plan.carried import as_planned, carried_case, carries
from shardplan.plan.checks.constraints import (
    check_cache_algorithm,
    check_constraints,
    check_exact_updates,
    check_hot_rows,
)
from shardplan.plan.checks.coverage import check_coverage
from shardplan.plan.checks.dynamic import check_dynamic
from shardplan.plan.checks.freshness import check_freshness
from shardplan.plan.checks.memory import check_capacity, check_reserve, check_shard_memory
from shardplan.plan.checks.optimality import check_optimality
from shardplan.plan.checks.options import check_options
from shardplan.plan.checks.prediction import check_prediction
from shardplan.plan.checks.replicas import check_replicas
from shardplan.plan.checks.runtime import check_placements, check_rules, check_widths
from shardplan.plan.checks.tables import check_tables, check_training, check_world
from shardplan.plan.finding import Finding
from shardplan.plan.planned import Planned, planned_tables
from shardplan.plan.predict import predict
from shardplan.plan.recover import decision_of, whole_on

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan

_TABLES_BETWEEN_PAUSES = 10_000


@in_bulk()
def verify(
    plan: Plan, case: Case | None = None, pause: Callable[[], None] = lambda: None
) -> tuple[Finding, ...]:
    """Everything that is wrong with a plan; empty when it is good.

    No solver is asked, so that the lower bound is as the plan claims it.

    Checked against the spec inside the plan, or against ``case`` where one is given: then also
    which input changed since the plan was made. ``pause`` is called now and then, and may raise
    what ends it.
    """
    if case is not None:
        try:
            case = as_planned(plan, case)
        except InputError as error:
            fault = error.diagnostics[0].message
            return (Finding("replicas", "replicas.groups", fault),)
    own, faults = (case, ()) if case and carries(plan, case) else _own_case(plan)
    wanted = case or own
    return faults if wanted is None else tuple(_findings(plan, wanted, own, pause))


def _own_case(plan: Plan) -> tuple[Case | None, tuple[Finding, ...]]:
    """The case of the spec that a plan carries, or why there is none."""
    if plan.resolved is None:
        message = "the plan holds no spec of its own; give one to verify against"
        return None, (Finding("spec", "resolved", message),)
    try:
        return carried_case(plan, plan.name), ()
    except InputError as error:
        (fault,) = error.diagnostics
        return None, (Finding("spec", fault.path or "resolved", fault.message),)


def _findings(
    plan: Plan, case: Case, own: Case | None, pause: Callable[[], None]
) -> Iterator[Finding]:
    planned = planned_tables(plan, case.workload)
    yield from check_freshness(plan, case, own)
    yield from check_world(plan, case.topology.world)
    yield from check_tables(plan, case.workload)
    size, reduction = case.topology.world_size, case.cost_model.reduction
    yield from check_training(plan, case.workload, size, reduction)
    yield from check_replicas(plan, case)
    if (plan.replicas.groups if plan.replicas else 1) != case.topology.groups:
        return  # Its ranks are others: there is nothing to hold its shards and costs against.
    pause()
    decisions: list[Decision] = []
    wrong_bytes = check_shard_memory(planned, case.cost_model)
    world, optimizer = case.topology.world, case.workload.training.optimizer
    for table in planned:
        if table.index % _TABLES_BETWEEN_PAUSES == 0:
            pause()
        is_whole = whole_on(table, world) is not None
        if not is_whole:
            yield from check_coverage(table)
        # A plan of TorchRec's may leave ranks without rows, and engines say which they train.
        yield from check_rules(table, world, optimizer, may_be_empty=True)
        yield from wrong_bytes[table.index]
        misplaced = () if is_whole else tuple(check_placements(table, world))
        yield from misplaced
        decision = None if misplaced else decision_of(table, world)
        if isinstance(decision, Finding):
            yield decision
        elif decision is not None:
            decisions.append(decision)
    yield from check_widths(planned)
    pause()
    yield from check_options(planned, decisions, case)
    pause()
    yield from check_constraints(
        {table.index: table for table in planned}, case.constraints, case.topology.world
    )
    yield from check_exact_updates(planned, case.workload.training)
    yield from check_hot_rows(planned, case.workload.training)
    yield from check_cache_algorithm(planned, case.workload.training)
    yield from check_dynamic(planned, case)
    pause()
    yield from check_reserve(plan.prediction.reserve_bytes, case.capacity)
    yield from _check_costs(plan, case, planned, decisions)
    yield from check_optimality(plan, case.spec.objective)


def _check_costs(
    plan: Plan, case: Case, planned: Sequence[Planned], decisions: Sequence[Decision]
) -> Iterator[Finding]:
    """Seconds and bytes; where some entry is illegal, only what the plan itself says of bytes."""
    if len(decisions) == len(case.workload.tables):
        try:
            prediction = predict(case, decisions)
        except ShardplanError as error:
            yield Finding("prediction", "prediction", f"cannot be recomputed: {error}")
            return
        yield from check_prediction(plan.prediction, prediction)
        yield from check_capacity(prediction.rank_memory_bytes, case.capacity, case.topology.nodes)
    elif len(plan.prediction.ranks) == case.topology.world_size:
        memory = [rank.memory_bytes for rank in plan.prediction.ranks]
        recorded = np.array([(m.hbm, m.ddr, m.ssd) for m in memory], dtype=float)
        yield from check_capacity(recorded, case.capacity, case.topology.nodes)
