"""SideBySide -> Report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words import words

if TYPE_CHECKING:
    from shardplan.explain.numbers.side_by_side import PlanLine, SideBySide

_MOST_KEYS = 30


def side_by_side_report(found: SideBySide, title: str = "") -> Report:
    """One line per plan, then the keys of the specs that differ."""
    title = title or f"{words.plural(len(found.plans), 'plan')} side by side"
    plans = (_plans(found),) if found.plans else ()
    return Report(title, (*plans, *_differences(found)), _closing(found))


def _plans(found: SideBySide) -> Section:
    columns = (
        Column("plan"),
        Column("samples/s", True),
        Column("of first", True),
        Column("step", True),
        Column("global batch", True),
        Column("devices", True),
        Column("fullest HBM", True),
        Column("bottleneck", is_prose=True),
        Column("gap", True),
    )
    meaning = "HBM of the fullest rank, of what is usable; bottleneck: the longest phase"
    return Section("Plans", meaning, Grid(columns, tuple(map(_plan, found.plans))))


def _plan(line: PlanLine) -> tuple[str, ...]:
    rate = words.rate(line.samples_per_second).removesuffix(" samples/s")
    return (
        line.label,
        rate,
        "-" if line.relative is None else words.percent(line.relative),
        words.seconds(line.step_seconds),
        f"{line.global_batch:,}",
        f"{line.world_size:,}",
        f"{words.percent(line.hbm.fraction)} (rank {line.fullest_rank})",
        f"{line.bottleneck} {words.seconds(line.bottleneck_seconds)} "
        f"({words.rank(line.bottleneck_rank)})",
        words.gap(line.gap),
    )


def _differences(found: SideBySide) -> list[Section]:
    if len(found.plans) < 2:
        return []
    if not found.keys:
        return [Section("What differs", remarks=("nothing: all were made from the same spec",))]
    listed = found.keys[:_MOST_KEYS]
    columns = (Column("key"), *(Column(line.label, is_prose=True) for line in found.plans))
    rows = tuple((line.where, *line.values) for line in listed)
    missing = len(found.keys) - len(listed)
    more = (f"and {words.plural(missing, 'key')} more; --format json has all",) if missing else ()
    return [Section("What differs", "keys of the specs", Grid(columns, rows), more)]


def _closing(found: SideBySide) -> str:
    known = [line for line in found.plans if line.samples_per_second]
    if len(known) < 2:
        return ""
    best = max(known, key=lambda line: line.samples_per_second or 0.0)
    text = f"most samples per second: {best.label}, {words.rate(best.samples_per_second)}"
    if len({line.cost_model for line in known}) > 1:
        text += "; by different cost models, whose seconds are not alike"
    return text
