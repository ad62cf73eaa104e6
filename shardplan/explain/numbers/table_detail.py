"""One table of a plan: its shards, and what it costs in each phase."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.explain.numbers.explain import tables
from shardplan.plan.file.rounding import rounded
from shardplan.plan.file.table_entry import parse_placement
from shardplan.spec.matching import TableNames

if TYPE_CHECKING:
    from shardplan.explain.numbers.explanation import TableLine
    from shardplan.explain.numbers.study import Study
    from shardplan.plan.file.table_entry import DynamicEntry, ShardEntry
    from shardplan.workload.module.pooling_type import PoolingType
    from shardplan.workload.table import Table


@dataclass(frozen=True, slots=True)
class TablePhase:
    """What one table adds to one phase."""

    name: str
    seconds: float
    """On its slowest device."""
    total_seconds: float
    """Summed over all devices."""
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class ShardLine:
    """A rectangle of the table."""

    rank: int
    rows: int
    first_row: int
    columns: int
    first_column: int
    memory_bytes: int
    """Weights, optimizer state and cache, over all tiers."""


@dataclass(frozen=True, slots=True)
class ValueLine:
    """Where the values of a dynamic table lie."""

    hbm_budget_bytes: int
    """Over all devices."""
    rows_per_rank: int
    hbm_rows_per_rank: int
    host_rows_per_rank: int


@dataclass(frozen=True, slots=True)
class TableDetail:
    """All that a plan says of one table."""

    line: TableLine
    features: tuple[str, ...]
    batch_shares: tuple[float, ...]
    """Of each feature, its own samples for each of the batch; empty where all have one of each."""
    pooling_type: PoolingType | None
    """None where the rows of a sample are not pooled."""
    phases: tuple[TablePhase, ...]
    shards: tuple[ShardLine, ...]
    """None for data-parallel tables, which every device holds whole."""
    values: ValueLine | None = None
    """Only of a dynamic table."""
    hot_share: float | None = None
    """Of the ids, those whose rows lie on every device; None where none do."""


def table_detail(study: Study, name: str) -> TableDetail:
    """Take the cost of one table apart.

    Raises TableNameError for a name that no table has, or that several have.
    """
    keys = [(planned.table.module, planned.table.name) for planned in study.planned]
    index = TableNames(keys).one(name)
    ledger, planned = study.ledger, study.planned[index]
    total = ledger.total_seconds[index]
    line, table = tables(study)[index], planned.table
    shares = table.shares
    return TableDetail(
        line=line,
        features=table.features,
        batch_shares=shares if any(share != 1 for share in shares) else (),
        pooling_type=table.pooling_type if table.collection.is_pooled else None,
        phases=tuple(
            TablePhase(phase.name, seconds, rounded(float(whole)), not counted)
            for phase, seconds, whole, counted in zip(
                study.case.cost_model.phases,
                line.phase_seconds,
                total,
                study.is_counted.tolist(),
                strict=True,
            )
        ),
        shards=tuple(_shard(shard) for shard in planned.entry.shards),
        values=_values(planned.entry.dynamic),
        hot_share=_hot_share(table, line.replicated_rows),
    )


def _hot_share(table: Table, hot_rows: int) -> float | None:
    if not hot_rows:
        return None
    rows = table.access.distribution(table.rows, table.pooling)
    return rounded(rows.hottest_share(hot_rows / table.rows))


def _values(entry: DynamicEntry | None) -> ValueLine | None:
    if entry is None:
        return None
    return ValueLine(
        entry.global_hbm_for_values,
        entry.rows_per_rank,
        entry.hbm_rows_per_rank,
        entry.host_rows_per_rank,
    )


def _shard(shard: ShardEntry) -> ShardLine:
    rows, columns = shard.shard_sizes
    first_row, first_column = shard.shard_offsets
    held = shard.memory_bytes
    return ShardLine(
        rank=parse_placement(shard.placement)[0],
        rows=rows,
        first_row=first_row,
        columns=columns,
        first_column=first_column,
        memory_bytes=held.hbm + held.ddr + held.ssd,
    )
