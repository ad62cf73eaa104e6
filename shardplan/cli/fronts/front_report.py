"""Front -> Report: the table of its points, and in sentences what is known of all others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shardplan.cli.fronts.front_words import (
    REASONS,
    cost_noun,
    count,
    duration,
    figures_words,
    gap_words,
    mark_of,
    memory_words,
    milliseconds,
    number,
    phases_words,
    rate,
    time_noun,
)
from shardplan.cli.fronts.proof_sections import by_machine, proof_sections
from shardplan.cli.fronts.scaling_report import scaling_sections
from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words import words
from shardplan.size.answer.scaling import scaling_curves

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.explain.report.report import Cell
    from shardplan.size.answer.front import Front
    from shardplan.size.answer.open import OpenReason
    from shardplan.size.answer.point import Point
    from shardplan.size.answer.price_facts import PriceFacts


def front_report(front: Front, *, explain: bool = False) -> Report:
    """The front; with ``explain`` also who dominates whom by how much, and every proof."""
    sections = [_points(front, explain), *by_machine(front), *_prices(front)]
    if explain:
        sections += [*_anatomy(front), *proof_sections(front)]
        sections += scaling_sections(scaling_curves(front))
    return Report(f"{front.name}: what to train it on", tuple(sections), _closing(front))


def _points(front: Front, explain: bool) -> Section:
    """What figures they rest on is told here where no section tells it in full."""
    columns = (
        Column(""),
        Column("machine", is_name=True),
        Column("nodes", True),
        Column("groups", True, spare=2),
        Column("batch", True, spare=3),
        Column("step ms", True),
        Column("at least", True, spare=4),
        Column("samples/s", True),
        Column(time_noun(front), True, spare=5),
        Column(cost_noun(front), True),
        Column("memory", True, spare=6),
        Column("binds", is_name=True),
        *(() if explain else (Column("rests on", spare=7),)),
    )
    rows = tuple(
        (mark_of(position), *_cells(point))[: len(columns)]
        for position, point in enumerate(front.points)
    )
    if not rows:
        return Section("The front", "no candidate is on it")
    return Section("The front", "no candidate is known to beat any of these", Grid(columns, rows))


def _cells(point: Point) -> tuple[Cell, ...]:
    design = point.design
    return (
        design.machine,
        f"{design.nodes:,}",
        f"{design.groups:,}",
        f"{design.global_batch:,}",
        milliseconds(point.step_seconds),
        milliseconds(point.step_bound_seconds),
        rate(point.samples_per_second),
        duration(point.time_seconds),
        number(point.cost),
        f"{point.anatomy.fullest:.0%}",
        point.anatomy.binds.words,
        figures_words(point),
    )


def _prices(front: Front) -> Iterator[Section]:
    if not front.prices:
        return
    columns = (
        Column("machine", is_name=True),
        Column(f"{front.cost_unit} per node and hour", True),
        Column("known as"),
        Column("source", is_prose=True),
        Column("date"),
        Column("terms", is_prose=True, spare=1),
    )
    yield Section("Prices", grid=Grid(columns, tuple(map(_price, front.prices))))


def _price(price: PriceFacts) -> tuple[Cell, ...]:
    known = "own costs" if price.is_own else str(price.provenance or "unsaid")
    return (
        price.machine,
        f"{price.per_node_hour:,.2f}",
        known,
        price.source or "-",
        price.date or "-",
        ", ".join(filter(None, (price.kind, price.region))) or "-",
    )


def _anatomy(front: Front) -> Iterator[Section]:
    """What the step of each point is made of, and what its prediction rests on."""
    if not front.points:
        return
    columns = (
        Column(""),
        Column("phases", is_list=True),
        Column("memory", is_list=True),
        Column("rests on", is_list=True),
    )
    rows = tuple(
        (mark_of(position), phases_words(point), memory_words(point), figures_words(point))
        for position, point in enumerate(front.points)
    )
    meaning = "phases that the step waits for, and how the figures are known that decide them"
    yield Section("What steps are made of", meaning, Grid(columns, rows))


def _closing(front: Front) -> str:
    """What became of all candidates, and how certain the front is."""
    dominated = sum(each.designs.candidates for each in front.dominated)
    impossible = sum(each.designs.candidates for each in front.impossible)
    why_open: Counter[OpenReason] = Counter()
    for each in front.open:
        why_open[each.reason] += each.designs.candidates
    told = [
        f"{count(len(front.points))} on the front",
        *([f"{dominated:,} proven dominated"] if dominated else []),
        *([f"{impossible:,} proven impossible"] if impossible else []),
        *(f"{many:,} {REASONS[reason]}" for reason, many in why_open.items()),
    ]
    exact = f"; front exact to {_gaps(front)}" if front.points else ""
    solved = f"{front.solved:,} solved in full"
    clock = ""
    if front.cut_off:
        solves = words.plural(front.cut_off, "candidate")
        clock = f"; the clock ended solves of {solves}: another run may give another front"
    candidates = words.plural(front.candidates, "candidate")
    return f"{candidates}, {solved}: {', '.join(told)}{exact}{clock}"


def _gaps(front: Front) -> str:
    """``1.30% (1 node) .. 15.0% (8 nodes)``."""
    known = sorted(front.points, key=lambda point: (point.gap or 0.0, point.design))
    low, high = known[0], known[-1]
    ends = [
        f"{gap_words(each)} ({words.plural(each.design.nodes, 'node')})" for each in (low, high)
    ]
    return ends[0] if gap_words(low) == gap_words(high) else " .. ".join(ends)
