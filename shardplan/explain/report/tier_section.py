"""Hits of caches and traffic between the tiers, as sections of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from shardplan.explain.report.device_section import MOST_LISTED, NEARLY_FULL
from shardplan.explain.report.memory_words import tier_words
from shardplan.explain.report.report import Column, Grid, Section
from shardplan.explain.report.table_section import kernel
from shardplan.explain.words import words
from shardplan.explain.words.ranks import compress
from shardplan.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.explain.numbers.explanation import (
        DeviceLine,
        Explanation,
        TableLine,
        TierTraffic,
    )
    from shardplan.whatif.worth.more_hbm import MoreHbm

Line = TypeVar("Line", "DeviceLine", "TableLine")


def tier_sections(found: Explanation) -> Iterator[Section]:
    """By device and by table, where anything moves between the tiers."""
    devices, tables = _moving(found.devices), _moving(found.tables)
    if not tables:
        return
    has_ssd = any(traffic.ssd_bytes for _, traffic in tables)
    hits = "of the lookups, those whose row is there when the batch begins"
    yield Section(
        "Tiers, by device",
        f"what it holds; in one step, hits: {hits}; bytes in both directions",
        Grid(
            (Column("rank", True), Column("holds", is_prose=True), *_columns(has_ssd)),
            tuple(
                (str(line.rank), tier_words(line.memory_bytes), *_cells(traffic, has_ssd))
                for line, traffic in sorted(devices[:MOST_LISTED], key=lambda pair: pair[0].rank)
            ),
        ),
        _left_out(len(devices), "device"),
    )
    yield Section(
        "Tiers, by table",
        "the same over all devices",
        Grid(
            (
                Column("table", is_name=True),
                Column("kernel", is_prose=True, spare=1),
                Column("holds", is_prose=True),
                *_columns(has_ssd),
            ),
            tuple(
                (line.name, kernel(line), tier_words(line.memory_bytes), *_cells(traffic, has_ssd))
                for line, traffic in tables[:MOST_LISTED]
            ),
        ),
        _left_out(len(tables), "table"),
    )
    if found.more_hbm:
        yield _more_hbm(found, found.more_hbm)


def in_words(traffic: TierTraffic | None) -> tuple[tuple[str, str], ...]:
    """Hits and traffic of one device or table, where anything moves."""
    if traffic is None or not traffic.host_bytes:
        return ()
    hits = f"{words.percent(traffic.hit_rate)} of the lookups in HBM"
    moved = f"{format_bytes(traffic.host_bytes)} over the host link"
    if traffic.ssd_bytes:
        hits += f", {words.percent(traffic.ddr_hit_rate)} in HBM or DDR"
        moved += f", {format_bytes(traffic.ssd_bytes)} of SSD"
    return (("hits", hits), ("traffic", f"{moved} in one step, both directions"))


def _more_hbm(found: Explanation, value: MoreHbm) -> Section:
    """What one more GiB would save; words where that is nothing."""
    size = format_bytes(value.extra_bytes)
    of = "step" if found.objective == "step_time" else found.objective
    meaning = (
        f"what {size} more would save, with every table where it is and in its kernel and all "
        "caches sized again"
    )
    lines = [("on every device", value.on_every_device_seconds)]
    if value.once_ranks:
        one = "rank" if len(value.once_ranks) == 1 else "ranks"
        where = f"once, where it saves most: {one} {compress(value.once_ranks)}"
        lines.append((where, value.once_seconds))
    rows = tuple(
        (where, words.seconds(saved), f"{words.percent(saved / found.objective_seconds)} of {of}")
        for where, saved in lines
        if saved
    )
    columns = (Column("", is_prose=True), Column("", True), Column("", True))
    remark = () if rows else (_no_use(found, value),)
    return Section("More HBM", meaning, Grid(columns, rows) if rows else None, remark)


def _no_use(found: Explanation, value: MoreHbm) -> str:
    """Why more HBM would save nothing."""
    if all(line.hbm.fraction < NEARLY_FULL for line in found.devices):
        return "nothing: HBM is not scarce"
    if not value.cached_tables:
        return (
            "no table has a cache that could grow; whether whole tables would move to HBM, only "
            "another solve tells"
        )
    return "nothing: the step does not wait for what larger caches would spare"


def _moving(lines: Sequence[Line]) -> list[tuple[Line, TierTraffic]]:
    """Those with any traffic, most first."""
    found = [(line, line.traffic) for line in lines if line.traffic and line.traffic.host_bytes]
    return sorted(found, key=lambda pair: -(pair[1].host_bytes + pair[1].ssd_bytes))


def _columns(has_ssd: bool) -> tuple[Column, ...]:
    on_ssd = (Column("or in DDR", True), Column("SSD", True)) if has_ssd else ()
    return (Column("hits in HBM", True), *on_ssd[:1], Column("host link", True), *on_ssd[1:])


def _cells(traffic: TierTraffic, has_ssd: bool) -> tuple[str, ...]:
    in_hbm, over_link = words.percent(traffic.hit_rate), format_bytes(traffic.host_bytes)
    if not has_ssd:
        return in_hbm, over_link
    of_ssd = format_bytes(traffic.ssd_bytes) if traffic.ssd_bytes else "-"
    return in_hbm, words.percent(traffic.ddr_hit_rate), over_link, of_ssd


def _left_out(count: int, noun: str) -> tuple[str, ...]:
    if count <= MOST_LISTED:
        return ()
    return (f"the {MOST_LISTED} with most traffic of {words.plural(count, noun)}",)
