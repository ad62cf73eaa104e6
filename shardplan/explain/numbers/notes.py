"""What a reader of a plan should know besides the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.numbers.uneven_rows import uneven_rows
from shardplan.explain.words import words
from shardplan.plan.file.optimality import Termination
from shardplan.plan.finding import Finding
from shardplan.plan.planned import planned_tables
from shardplan.plan.predict import predict
from shardplan.plan.recover import decision_of
from shardplan.workload.row_order import RowOrder
from shardplan.workload.training import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.case import Case
    from shardplan.explain.numbers.uneven_rows import UnevenRows
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import TableEntry
    from shardplan.workload.table import Table
    from shardplan.workload.workload import Workload

_CUT_OFF = {
    Termination.TIME_LIMIT: "the search was cut off by the clock, so that another run may give "
    "another plan; --node-limit is a limit that does not depend on the machine",
    Termination.PATIENCE: "the search ended when nothing had improved for a while by the clock, so "
    "that another run may give another plan; --node-limit does not depend on the machine",
    Termination.INTERRUPTED: "the search was interrupted, so that another run may give "
    "another plan",
}
"""Of ends that do not come at the same point each time."""
_MOST_NAMES = 3
_WORTH_TELLING = 1e-3
"""Of the step: what saves less saves nothing."""


def notes(plan: Plan, case: Case) -> tuple[str, ...]:
    """Sentences about a plan, the weightiest first."""
    return tuple(_notes(plan, case))


def idle_tables(workload: Workload) -> str:
    """A sentence about the tables that no sample looks up; empty where there are none."""
    idle = [table.name for table in workload.tables if not table.pooling]
    if not idle:
        return ""
    return f"{name_some(idle)} {'has' if len(idle) == 1 else 'have'} no lookups (pooling 0)"


def name_some(names: Sequence[str]) -> str:
    """``t_1, t_2, t_3 and 5 more``."""
    shown, more = ", ".join(names[:_MOST_NAMES]), len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown


def _notes(plan: Plan, case: Case) -> Iterator[str]:
    training = case.workload.training
    split = [
        name
        for tables in plan.plan.values()
        for name, entry in tables.items()
        if _is_split_by_columns(entry)
    ]
    if split and training.optimizer is Optimizer.ROWWISE_ADAGRAD and not training.exact_updates:
        yield (
            "row-wise Adagrad keeps one number per row of each column shard, so that "
            f"{name_some(split)}, cut by columns, will not train exactly as if whole; "
            "training.exact_updates: true forbids it"
        )
    if uneven := uneven_rows(_row_cuts(plan, case)):
        others = [found.table.name for found in uneven[1:]]
        yield (
            f"{uneven[0]}{f', and so less of {name_some(others)}' if others else ''}; hashed ids "
            f"would spread them evenly, {_what_hashing_saves(plan, case, uneven)}"
        )
    if sentence := idle_tables(case.workload):
        yield f"{sentence}; empty outputs are exchanged all the same"
    if cut_off := _CUT_OFF.get(plan.optimality.termination):
        yield cut_off


def _what_hashing_saves(plan: Plan, case: Case, uneven: Sequence[UnevenRows]) -> str:
    """By how much the step of the same plan would be shorter if these tables' ids were hashed."""
    tables = {case.workload.tables.index(found.table) for found in uneven}
    hashed = case.with_(
        tables=tuple(
            table.model_copy(update={"ids": RowOrder.HASHED}) if index in tables else table
            for index, table in enumerate(case.spec.tables)
        )
    )
    found = [decision_of(each, case.topology.world) for each in planned_tables(plan, case.workload)]
    decisions = [one for one in found if not isinstance(one, Finding)]
    step = predict(case, decisions).step_seconds
    saved = step - predict(hashed, decisions).step_seconds
    if saved < _WORTH_TELLING * step:
        return "but hardly change the step"
    return f"and take {words.seconds(saved)} ({words.percent(saved / step)}) off the step"


def _row_cuts(plan: Plan, case: Case) -> Iterator[tuple[Table, int]]:
    """The tables that are cut by rows, each with the number of its row shards."""
    for table in case.workload.tables:
        sharding = plan.plan[table.module][table.name].sharding_type
        if sharding.cuts_rows:
            yield table, case.topology.world.devices_of(sharding.rows)


def _is_split_by_columns(entry: TableEntry) -> bool:
    return len({shard.shard_offsets[1] for shard in entry.shards}) > 1
