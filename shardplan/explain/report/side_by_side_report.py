"""SideBySide -> Report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.explain.numbers.side_by_side import KeyLine, PlanLine, SideBySide

_MOST_KEYS = 30
_MOST_COLUMNS = 3
"""Plans of which each has a column of values; of more, each value has its plans."""


def side_by_side_report(found: SideBySide, title: str = "") -> Report:
    """One line per plan, then the keys of the specs that differ."""
    title = title or f"{words.plural(len(found.plans), 'plan')} side by side"
    plans = (_plans(found),) if found.plans else ()
    return Report(title, (*plans, *_differences(found)), _closing(found))


def _plans(found: SideBySide) -> Section:
    columns = (
        Column("plan", is_name=True),
        Column("samples/s", True),
        Column("of first", True, spare=2),
        Column("step", True),
        Column("global batch", True, spare=1),
        Column("devices", True, spare=3),
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
    labels = [line.label for line in found.plans]
    few = len(labels) <= _MOST_COLUMNS
    grid = _by_plan(labels, listed) if few else _by_value(labels, listed)
    missing = len(found.keys) - len(listed)
    more = (f"and {words.plural(missing, 'key')} more; --format json has all",) if missing else ()
    return [Section("What differs", "keys of the specs", grid, more)]


def _by_plan(labels: Sequence[str], keys: Sequence[KeyLine]) -> Grid:
    columns = (Column("key", is_name=True), *(Column(label, is_prose=True) for label in labels))
    return Grid(columns, tuple((line.where, *line.values) for line in keys))


def _by_value(labels: Sequence[str], keys: Sequence[KeyLine]) -> Grid:
    """A row for each value of a key, with the plans that have it; for any number of plans."""
    rows: list[tuple[str, ...]] = []
    for line in keys:
        plans: dict[str, list[str]] = {}
        for value, label in zip(line.values, labels, strict=True):
            plans.setdefault(value, []).append(label)
        where = line.where
        for value, those in plans.items():
            rows.append((where, value, ", ".join(those)))
            where = ""
    columns = (
        Column("key", is_name=True),
        Column("value", is_prose=True),
        Column("plans", is_list=True),
    )
    return Grid(columns, tuple(rows))


def _closing(found: SideBySide) -> str:
    known = [line for line in found.plans if line.samples_per_second]
    if len(known) < 2:
        return ""
    best = max(known, key=lambda line: line.samples_per_second or 0.0)
    text = f"most samples per second: {best.label}, {words.rate(best.samples_per_second)}"
    if len({line.cost_model for line in known}) > 1:
        text += "; by different cost models, whose seconds are not alike"
    return text
