"""What is legal in a spec, but may not be meant."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.explain.numbers.notes import idle_tables, name_some
from shardplan.explain.numbers.uneven_rows import uneven_rows
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.workload.training import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.diagnostics import Diagnostic
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.workload.table import Table


def warnings_of(loaded: LoadedSpec, case: Case) -> tuple[Diagnostic, ...]:
    """Diagnostics of severity ``warning``."""
    return tuple(replace(found, severity="warning") for found in _warnings(loaded, case))


def _warnings(loaded: LoadedSpec, case: Case) -> Iterator[Diagnostic]:
    training = case.workload.training
    if (
        training.optimizer is Optimizer.ROWWISE_ADAGRAD
        and not training.exact_updates
        and _may_cut_columns(case)
    ):
        yield _at_optimizer(
            loaded,
            "row-wise Adagrad keeps one number per row of each column shard: tables cut by "
            "columns train slightly differently from whole ones",
            "training.exact_updates: true forbids such cuts",
            "inexact_updates",
        )
    if uneven := uneven_rows(_row_cuts(case)):
        others = [found.table.name for found in uneven[1:]]
        message = f"{uneven[0]}{f'; less so of {name_some(others)}' if others else ''}"
        hint = "hash the ids and write ids: hashed, so that all row shards are read alike"
        index = case.workload.tables.index(uneven[0].table)
        yield loaded.at_table(index, "ids", message, hint, "uneven_rows")
    if sentence := idle_tables(case.workload):
        yield loaded.document.diagnostic(("tables",), sentence, code="no_lookups")


def _at_optimizer(loaded: LoadedSpec, message: str, hint: str, code: str) -> Diagnostic:
    """At its line; at no line where it is not written, being the default."""
    found = loaded.document.diagnostic(("training", "optimizer"), message, hint, code)
    training = loaded.document.value.get("training")
    if training and "optimizer" in training:
        return found
    return replace(found, line=0, column=0, source_line="")


def _row_cuts(case: Case) -> Iterator[tuple[Table, int]]:
    """Tables that may be cut by rows, with the most row shards that the constraints allow."""
    world = case.topology.world
    for index, table in enumerate(case.workload.tables):
        allowed = set(SHARDING_TYPES)
        for constraint in case.constraints:
            if constraint.sharding is not None and index in constraint.tables:
                allowed &= set(constraint.sharding)
        yield table, max((world.devices_of(kind.rows) for kind in allowed), default=1)


def _may_cut_columns(case: Case) -> bool:
    """Whether some table may be cut by columns, as far as the constraints say."""
    bound = {
        table
        for constraint in case.constraints
        if constraint.sharding is not None
        and not any(kind.cuts_columns for kind in constraint.sharding)
        for table in constraint.tables
    }
    return len(bound) < len(case.workload.tables)
