"""TableDetail or DeviceDetail -> Report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.device_section import full_bar
from shardplan.explain.report.memory_words import tier_words, use_words
from shardplan.explain.report.report import Bar, Column, Grid, Report, Section
from shardplan.explain.report.table_section import kernel, sharding
from shardplan.explain.report.tier_section import in_words
from shardplan.explain.words import words
from shardplan.units import format_bytes
from shardplan.workload.labels import spoken
from shardplan.workload.module.pooling_type import PoolingType

if TYPE_CHECKING:
    from shardplan.explain.numbers.device_detail import DeviceDetail
    from shardplan.explain.numbers.table_detail import TableDetail


def _features(detail: TableDetail) -> str:
    """Their names, and what they have of the batch where that is not all."""
    shares = detail.batch_shares or (1.0,) * len(detail.features)
    return ", ".join(
        name if share == 1 else f"{name} ({share:.4g} of the batch)"
        for name, share in zip(detail.features, shares, strict=True)
    )


def table_report(detail: TableDetail) -> Report:
    """One table on one page."""
    line = detail.line
    title = (
        f"{line.name}: {line.rows:,} rows x {line.dim} {line.dtype}, {line.pooling:g} "
        f"{'id' if line.pooling == 1 else 'ids'} per sample of {_features(detail)}"
        f"{', averaged' if detail.pooling_type is PoolingType.MEAN else ''}, "
        f"in {spoken(line.module)}"
    )
    rows = (
        ("sharding", sharding(line)),
        ("kernel", kernel(line)),
        ("ranks", line.ranks),
        ("memory", f"{tier_words(line.memory_bytes)} over all devices, buffers included"),
        *_values(detail),
        *_hot_rows(detail),
        *in_words(line.traffic),
        (
            "slowest",
            f"{words.seconds(line.slowest_seconds)} on rank {line.slowest_rank}, "
            "without hidden phases",
        ),
    )
    return Report(
        title,
        (
            Section("Placement", grid=Grid((Column(""), Column("", is_prose=True)), rows)),
            _table_phases(detail),
            _shards(detail),
        ),
    )


def _values(detail: TableDetail) -> tuple[tuple[str, str], ...]:
    """Of a dynamic table, how much HBM its values may have, and where its rows lie."""
    values = detail.values
    if values is None:
        return ()
    places = f"{values.hbm_rows_per_rank:,} in HBM, {values.host_rows_per_rank:,} on the host"
    return (
        ("values", f"{format_bytes(values.hbm_budget_bytes)} of HBM over all devices"),
        ("rows", f"room for {values.rows_per_rank:,} on each device: {places}"),
    )


def _hot_rows(detail: TableDetail) -> tuple[tuple[str, str], ...]:
    """How many lie on every device, and what that spares."""
    if detail.hot_share is None:
        return ()
    stay = f"{words.percent(detail.hot_share)} of the ids stay on the device that has the sample"
    return (("hot rows", f"{detail.line.replicated_rows:,} on every device: {stay}"),)


def _table_phases(detail: TableDetail) -> Section:
    columns = (Column("phase"), Column("slowest device", True), Column("all devices", True))
    rows = tuple(
        (
            phase.name + (" (hidden)" if phase.is_hidden else ""),
            words.seconds(phase.seconds),
            words.seconds(phase.total_seconds),
        )
        for phase in detail.phases
        if phase.total_seconds
    )
    return Section("Phases", "what the table adds to each", Grid(columns, rows))


def _shards(detail: TableDetail) -> Section:
    if not detail.shards:
        return Section("Shards", remarks=("none: every device holds the whole table",))
    columns = (Column("rank", True), Column("rows"), Column("columns"), Column("memory", True))
    rows = tuple(
        (
            str(shard.rank),
            f"{shard.first_row:,} to {shard.first_row + shard.rows:,}",
            f"{shard.first_column} to {shard.first_column + shard.columns}",
            format_bytes(shard.memory_bytes),
        )
        for shard in detail.shards
    )
    meaning = "from the first to before the last; memory: weights, optimizer state, cache"
    return Section("Shards", meaning, Grid(columns, rows))


def device_report(detail: DeviceDetail) -> Report:
    """One device on one page."""
    line = detail.line
    title = (
        f"rank {line.rank} on node {detail.node}: busy {words.seconds(line.busy_seconds)}, "
        f"HBM {use_words(line.hbm)}"
    )
    memory = Section(
        "Memory",
        f"{format_bytes(detail.base_bytes)} of it whatever the placement: dense model, activations",
        Grid(
            (Column(""), Column("used", True), Column("of usable")),
            (("HBM", use_words(line.hbm), full_bar(line.hbm)),),
        ),
        tuple(f"{name}: {text}" for name, text in in_words(line.traffic)),
    )
    return Report(title, (_device_phases(detail), memory, _device_tables(detail)))


def _device_phases(detail: DeviceDetail) -> Section:
    columns = (
        Column("phase"),
        Column("here", True),
        Column("of slowest", spare=1),
        Column("mean", True),
        Column("slowest", True),
        Column("there", True),
    )
    rows = tuple(
        (
            phase.name + (" (hidden)" if phase.is_hidden else ""),
            words.seconds(phase.seconds),
            Bar(phase.seconds / phase.slowest_seconds),
            words.seconds(phase.mean_seconds),
            words.rank(phase.slowest_rank),
            words.seconds(phase.slowest_seconds),
        )
        for phase in detail.phases
        if phase.slowest_seconds
    )
    meaning = "here, beside the mean and the slowest of all devices"
    return Section("Phases", meaning, Grid(columns, rows))


def _device_tables(detail: DeviceDetail) -> Section:
    columns = (
        Column("table", is_name=True),
        Column("time", True),
        Column("sharding", is_prose=True),
        Column("kernel", is_prose=True, spare=1),
        Column("memory", True, is_prose=True),
    )
    rows = tuple(
        (
            table.name,
            words.seconds(table.seconds),
            table.sharding_type,
            table.compute_kernel,
            tier_words(table.memory_bytes),
        )
        for table in detail.tables
    )
    meaning = "without hidden phases; memory with optimizer state and buffers"
    return Section("Tables", meaning, Grid(columns, rows))
