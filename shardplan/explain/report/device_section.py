"""Load and memory of devices and nodes, as sections of a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.explain.report.memory_words import use_words
from shardplan.explain.report.report import Bar, Cell, Column, Grid, Section
from shardplan.explain.words import words
from shardplan.explain.words.ranks import compress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.explain.numbers.explanation import DeviceLine, Explanation, TierUse

MOST_LISTED = 32
"""Devices that are listed one by one; of more, those that are alike share a line."""
_WORST = 8
NEARLY_FULL = 0.95


@dataclass(frozen=True, slots=True)
class _Group:
    """Devices with the same load and memory."""

    ranks: tuple[int, ...]
    busy_seconds: float
    hbm: TierUse


def device_sections(found: Explanation) -> Iterator[Section]:
    """Devices, then nodes where their memory is used."""
    yield _devices(found)
    for tier in ("ddr", "ssd"):
        uses = [getattr(node, tier) for node in found.nodes]
        if any(use.used_bytes for use in uses):
            yield _nodes(tier, uses)


def full_bar(tier: TierUse) -> Bar:
    """How full a memory is."""
    return Bar(tier.fraction, tier.fraction > NEARLY_FULL)


def _devices(found: Explanation) -> Section:
    groups = _groups(found.devices)
    listed = groups if len(groups) <= MOST_LISTED else groups[:_WORST]
    slowest = max((group.busy_seconds for group in groups), default=0.0) or 1.0
    columns = (
        Column("rank", True),
        Column("busy", True),
        Column("load"),
        Column("HBM", True),
        Column("of usable"),
    )
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (
            compress(group.ranks),
            words.seconds(group.busy_seconds),
            Bar(group.busy_seconds / slowest),
            use_words(group.hbm),
            full_bar(group.hbm),
        )
        for group in listed
    )
    remarks = [_spread(found.devices)]
    if len(listed) < len(groups):
        shown = sum(len(group.ranks) for group in listed)
        remarks.append(
            f"the {shown} busiest of {words.plural(len(found.devices), 'device')}; "
            "--device RANK shows any other"
        )
    meaning = "busy: a device's own seconds in the phases that are not hidden; HBM after reserve"
    return Section("Devices", meaning, Grid(columns, rows), tuple(remarks))


def _groups(devices: Sequence[DeviceLine]) -> list[_Group]:
    """One per device; of many devices one per load and memory, the busiest first."""
    if len(devices) <= MOST_LISTED:
        return [_Group((line.rank,), line.busy_seconds, line.hbm) for line in devices]
    alike: dict[tuple[float, int], list[DeviceLine]] = {}
    for line in devices:
        alike.setdefault((line.busy_seconds, line.hbm.used_bytes), []).append(line)
    groups = [
        _Group(tuple(line.rank for line in lines), lines[0].busy_seconds, lines[0].hbm)
        for lines in alike.values()
    ]
    return sorted(groups, key=lambda group: (-group.busy_seconds, group.ranks))


def _spread(devices: Sequence[DeviceLine]) -> str:
    busy = [line.busy_seconds for line in devices]
    mean = sum(busy) / len(busy)
    fullest = max(devices, key=lambda line: line.hbm.fraction)
    ratio = f", max/mean {max(busy) / mean:.2f}" if mean else ""
    return (
        f"busy: min {words.seconds(min(busy))}, mean {words.seconds(mean)}, "
        f"max {words.seconds(max(busy))}{ratio}; fullest HBM: rank {fullest.rank} "
        f"at {words.percent(fullest.hbm.fraction)}"
    )


def _nodes(tier: str, uses: Sequence[TierUse]) -> Section:
    fullest_first = sorted(range(len(uses)), key=lambda node: -uses[node].used_bytes)
    listed = sorted(fullest_first[:MOST_LISTED])
    rows: tuple[tuple[Cell, ...], ...] = tuple(
        (str(node), use_words(uses[node]), full_bar(uses[node])) for node in listed
    )
    remarks: tuple[str, ...] = ()
    if len(listed) < len(uses):
        remarks = (f"the {len(listed)} fullest of {words.plural(len(uses), 'node')}",)
    columns = (Column("node", True), Column(tier.upper(), True), Column("of usable"))
    meaning = "memory that the devices of a node share, after reserve"
    return Section(f"Nodes' {tier.upper()}", meaning, Grid(columns, rows), remarks)
