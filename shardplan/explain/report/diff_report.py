"""PlanDiff -> Report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shardplan.explain.report.relabelled_section import relabelled_section
from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words import words
from shardplan.explain.words.ranks import compress
from shardplan.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sized

    from shardplan.plan.diff.costs import DeviceChange, DeviceState
    from shardplan.plan.diff.plan_diff import InputChange, PlanDiff
    from shardplan.plan.diff.table_move import Layout

_MOST_TABLES = 50
_MOST_DEVICES = 16
_MOST_KEYS = 20
_MANY_TIMES = 10
"""Beyond this many times the old value, the new one is shown as a multiple."""
_NOTHING = "-"


def diff_report(diff: PlanDiff) -> Report:
    """What moves, what it costs to move it, what changes by phase and device, and why."""
    title = f"{diff.old_name} -> {diff.new_name}"
    if diff.is_empty:
        return Report(f"{title}: no difference")
    changed = f"{words.plural(len(diff.tables), 'table')} of {diff.table_count:,} changed"
    title += f": {changed}, {format_bytes(diff.moved_bytes)} to move"
    return Report(title, tuple(_sections(diff)), _closing(diff))


def _closing(diff: PlanDiff) -> str:
    """``tables: 1 new (+), 3 changed (~), 2 dropped (-); ...``: all that matters in one line."""
    marks = Counter(_mark(table.old, table.new) for table in diff.tables)
    named = (("+", "new"), ("~", "changed"), ("-", "dropped"))
    counts = [f"{marks[mark]:,} {word} ({mark})" for mark, word in named if marks[mark]]
    moved = f"{format_bytes(diff.moved_bytes)} to move"
    parts = [
        f"tables: {', '.join(counts) or 'as they were'}",
        f"{moved} with ranks relabelled" if diff.relabelling else moved,
    ]
    old, new = diff.old_step_seconds, diff.new_step_seconds
    if old == new:
        parts.append(f"step {words.seconds(new)} as before")
    else:
        was, now, change = seconds_change(old, new)
        parts.append(f"step {was} -> {now} ({change.partition('(')[2].rstrip(')') or change})")
    if diff.old_throughput and diff.new_throughput:
        before = words.rate(diff.old_throughput.samples_per_second)
        after = words.rate(diff.new_throughput.samples_per_second)
        parts.append(f"{before} -> {after}" if before != after else after)
    return "; ".join(parts)


def _mark(old: object | None, new: object | None) -> str:
    """``+`` for what is new, ``-`` for what is gone, ``~`` for what is another."""
    if old is None:
        return "+"
    return "-" if new is None else "~"


def _sections(diff: PlanDiff) -> Iterator[Section]:
    yield _step(diff)
    if diff.relabelling:
        yield relabelled_section(diff, diff.relabelling)
    for changed in diff.inputs:
        yield _input(changed)
    if diff.links:
        yield _links(diff)
    if diff.tables:
        yield _tables(diff)
    if diff.phases:
        yield _phases(diff)
    if diff.devices:
        yield _devices(diff)


def _step(diff: PlanDiff) -> Section:
    columns = (Column(""), Column("old", True), Column("new", True), Column("change", True))
    rows = [
        ("step time", *seconds_change(diff.old_step_seconds, diff.new_step_seconds)),
        *throughput_changes(diff),
        (
            "lower bound",
            *seconds_change(diff.old_lower_bound_seconds, diff.new_lower_bound_seconds),
        ),
    ]
    if diff.old_world_size != diff.new_world_size:
        sizes = f"{diff.old_world_size:,}", f"{diff.new_world_size:,}"
        rows.append(("devices", *sizes, f"{diff.new_world_size - diff.old_world_size:+,}"))
    return Section("Step", grid=Grid(columns, tuple(rows)))


def throughput_changes(diff: PlanDiff) -> Iterator[tuple[str, str, str, str]]:
    """Samples per second, and samples per step where these differ."""
    old, new = diff.old_throughput, diff.new_throughput
    if old is None or new is None:
        return
    was, now = old.samples_per_second, new.samples_per_second
    share = f"{100 * (now / was - 1):+.1f}%" if was and now and was != now else _NOTHING
    yield "throughput", words.rate(was), words.rate(now), share
    if old.global_batch != new.global_batch:
        change = f"{new.global_batch - old.global_batch:+,}"
        yield "global batch", f"{old.global_batch:,}", f"{new.global_batch:,}", change


def _input(changed: InputChange) -> Section:
    title = f"Another {changed.input}"
    if changed.old_name != changed.new_name:
        title += f": {changed.old_name} -> {changed.new_name}"
    listed = changed.changes[:_MOST_KEYS]
    rows = tuple((change.mark, change.where, change.was, change.now) for change in listed)
    columns = (
        Column(""),
        Column("key", is_name=True),
        Column("was", is_prose=True),
        Column("is", is_prose=True),
    )
    return Section(title, grid=Grid(columns, rows), remarks=_more(listed, changed.changes, "key"))


def _links(diff: PlanDiff) -> Section:
    columns = (
        Column(""),
        Column("bytes", True),
        Column("time", True),
        Column("busiest link", is_prose=True),
    )
    rows = tuple(
        (
            use.kind,
            format_bytes(use.moved_bytes),
            _NOTHING if use.seconds is None else words.seconds(use.seconds),
            use.bottleneck or _NOTHING,
        )
        for use in diff.links
    )
    meaning = "weights and optimizer state, over the topology's links at their full rate"
    return Section("To move", meaning, Grid(columns, rows))


def _tables(diff: PlanDiff) -> Section:
    columns = (
        Column(""),
        Column("table", is_name=True),
        Column("was", is_prose=True),
        Column("is", is_prose=True),
        Column("within nodes", True, spare=2),
        Column("across nodes", True),
        Column("between tiers", True, spare=1),
    )
    listed = diff.tables[:_MOST_TABLES]
    rows = tuple(
        (
            _mark(table.old, table.new),
            table.name,
            layout_words(table.old, "(new)"),
            layout_words(table.new, "(dropped)"),
            _bytes(table.within_node_bytes),
            _bytes(table.across_node_bytes),
            _bytes(table.tier_bytes),
        )
        for table in listed
    )
    return Section(
        "Tables",
        "by bytes to move",
        Grid(columns, rows),
        _more(listed, diff.tables, "table"),
    )


def layout_words(layout: Layout | None, otherwise: str = "nowhere") -> str:
    """``row_wise x16 fused on 0-15``; ``hot_row_wise x16 (301 hot) fused on 0-15``."""
    if layout is None:
        return otherwise
    shards = f" x{layout.shard_count}" if layout.shard_count > 1 else ""
    hot = f" ({layout.replicated_rows:,} hot)" if layout.replicated_rows else ""
    kind = f"{layout.sharding_type}{shards}{hot}"
    return f"{kind} {layout.compute_kernel} on {compress(layout.ranks)}"


def _phases(diff: PlanDiff) -> Section:
    columns = (
        Column("phase"),
        Column("old", True),
        Column("new", True),
        Column("change", True),
        Column("slowest", True, is_prose=True),
    )
    rows = tuple(
        (
            phase.name,
            *seconds_change(phase.old_seconds, phase.new_seconds),
            f"rank {phase.old_rank} -> {phase.new_rank}",
        )
        for phase in diff.phases
    )
    return Section("Phases", grid=Grid(columns, rows))


def _devices(diff: PlanDiff) -> Section:
    columns = (
        Column(""),
        Column("rank", True),
        Column("busy", True),
        Column("then", True),
        Column("change", True),
        Column("HBM", True),
        Column("then", True),
    )
    most = sorted(diff.devices, key=lambda device: -abs(_growth(device)))[:_MOST_DEVICES]
    rows = tuple(_device(device) for device in sorted(most, key=lambda device: device.rank))
    meaning = "busy: seconds in the phases that are not hidden"
    return Section("Devices", meaning, Grid(columns, rows), _more(most, diff.devices, "device"))


def _device(device: DeviceChange) -> tuple[str, ...]:
    busy = [_NOTHING if s is None else words.seconds(s.busy_seconds) for s in _sides(device)]
    held = [_NOTHING if s is None else format_bytes(s.hbm_bytes) for s in _sides(device)]
    mark = _mark(device.old, device.new)
    return (mark, f"{device.rank}", *busy, _signed(_growth(device)), *held)


def _sides(device: DeviceChange) -> tuple[DeviceState | None, DeviceState | None]:
    return device.old, device.new


def _growth(device: DeviceChange) -> float:
    old, new = (side.busy_seconds if side else 0.0 for side in _sides(device))
    return new - old


def seconds_change(old: float, new: float) -> tuple[str, str, str]:
    """Old, new, and by how much they differ."""
    share = ""
    if old and new > _MANY_TIMES * old:
        share = f" (x{new / old:,.0f})"
    elif old and new != old:
        share = f" ({100 * (new - old) / old:+.1f}%)"
    return words.seconds(old), words.seconds(new), _signed(new - old) + share


def _signed(seconds: float) -> str:
    if not seconds:
        return _NOTHING
    return ("+" if seconds > 0 else "-") + words.seconds(abs(seconds))


def _bytes(size: int) -> str:
    return format_bytes(size) if size else _NOTHING


def _more(listed: Sized, every: Sized, noun: str) -> tuple[str, ...]:
    missing = len(every) - len(listed)
    return (f"and {words.plural(missing, noun)} more; --format json has all",) if missing else ()
