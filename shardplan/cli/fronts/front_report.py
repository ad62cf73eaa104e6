"""Front -> Report: the table of its points, and in sentences what is known of all others."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from shardplan.cli.fronts.front_words import (
    cost_noun,
    count,
    duration,
    figures_words,
    gap_words,
    number,
    proof_words,
    rate,
    target_words,
    time_noun,
)
from shardplan.explain.report.report import Column, Grid, Report, Section
from shardplan.explain.words import words
from shardplan.size.answer.open import OpenReason
from shardplan.size.answer.verdict import verdicts
from shardplan.spec.sizing.goal import Goal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.explain.report.report import Cell
    from shardplan.size.answer.dominated import Dominated
    from shardplan.size.answer.front import Front
    from shardplan.size.answer.point import Point
    from shardplan.size.answer.price_facts import PriceFacts
    from shardplan.size.answer.verdict import Verdict

MARKS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
"""What points are called in the table and in the plot, the first ones."""
_NOT_MARKED = "*"
_REASONS = {
    OpenReason.WITHIN_GAP: "behind the front but within its gap",
    OpenReason.NOT_REACHED: "short of the target by their plans, not by their bounds",
    OpenReason.NO_PLAN: "without plan or proof",
    OpenReason.TIME_LIMIT: "open when the time was over",
    OpenReason.INTERRUPTED: "open when interrupted",
}


def front_report(front: Front, *, explain: bool = False) -> Report:
    """The front; with ``explain`` also who dominates whom by how much, and every proof."""
    sections = [_points(front), *_by_machine(front), *_prices(front)]
    if explain:
        sections += [*_dominated(front), *_impossible(front), *_open(front)]
    return Report(f"{front.name}: what to train it on", tuple(sections), _closing(front))


def mark_of(position: int) -> str:
    """What the point at a position of the front is called."""
    return MARKS[position] if position < len(MARKS) else _NOT_MARKED


def _points(front: Front) -> Section:
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
        Column("rests on", is_prose=True, spare=7),
    )
    rows = tuple((mark_of(position), *_cells(point)) for position, point in enumerate(front.points))
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
        _milliseconds(point.step_seconds),
        _milliseconds(point.step_bound_seconds),
        rate(point.samples_per_second),
        duration(point.time_seconds),
        number(point.cost),
        f"{point.anatomy.fullest:.0%}",
        point.anatomy.binds.words,
        figures_words(point),
    )


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:,.0f}" if seconds >= 1 else f"{1e3 * seconds:.3g}"


def _by_machine(front: Front) -> Iterator[Section]:
    """The fewest nodes of each machine, and why fewer cannot."""
    found = verdicts(front)
    if front.target is None and not front.impossible:
        return
    meaning = "any plan"
    if front.target is not None:
        meaning = target_words(front.target)
    columns = (
        Column("machine", is_name=True),
        Column("fewest nodes"),
        Column("why not fewer", is_prose=True),
    )
    rows = tuple((each.machine, _fewest(each), _why(each)) for each in found)
    yield Section("What each machine can", meaning, Grid(columns, rows), _best(front))


def _best(front: Front) -> tuple[str, ...]:
    """The first of the front, of which the target makes the answer."""
    if front.target is None or not front.points:
        return ()
    how = "cheapest" if Goal.COST in front.minimise else "fastest"
    return (f"the {how} that reaches it: {front.points[0].design.words}",)


def _fewest(verdict: Verdict) -> str:
    if verdict.fewest is None:
        return "none can" if verdict.is_ruled_out else "not known"
    return words.plural(verdict.fewest.design.nodes, "node")


def _why(verdict: Verdict) -> str:
    parts = []
    if verdict.fewer_possible is not None:
        nodes = words.plural(verdict.fewer_possible.nodes, "node")
        parts.append(f"{nodes}: neither a plan that does, nor a proof that none can")
    if verdict.cannot is not None:
        last = verdict.cannot.designs.last
        parts.append(
            f"{words.plural(last.nodes, 'node')} cannot: {proof_words(verdict.cannot.proof)}"
        )
    return "; ".join(parts) or "-"


def _prices(front: Front) -> Iterator[Section]:
    if not front.prices:
        return
    columns = (
        Column("machine", is_name=True),
        Column(f"{front.cost_unit} per node and hour", True),
        Column("known as"),
        Column("source", is_prose=True),
        Column("date"),
    )
    yield Section("Prices", grid=Grid(columns, tuple(map(_price, front.prices))))


def _price(price: PriceFacts) -> tuple[Cell, ...]:
    known = "own costs" if price.is_own else str(price.provenance or "unsaid")
    return (
        price.machine,
        number(price.per_node_hour),
        known,
        price.source or "-",
        price.date or "-",
    )


def _dominated(front: Front) -> Iterator[Section]:
    if not front.dominated:
        return
    columns = (
        Column("candidates", is_prose=True),
        Column("step ms at least", True),
        Column("dominated by", is_prose=True),
        Column("longer by at least", True),
        Column("dearer by at least", True),
        Column("solved", spare=1),
    )
    rows = tuple(_dominated_row(front, each) for each in front.dominated)
    meaning = "whatever their plans, these are no better in anything, by their bounds"
    yield Section("Dominated", meaning, Grid(columns, rows))


def _dominated_row(front: Front, each: Dominated) -> tuple[Cell, ...]:
    by = front.point_of(each.by)
    return (
        each.designs.words,
        _milliseconds(each.step_bound_seconds),
        f"{mark_of(front.points.index(by))}: {by.design.words}",
        f"{each.time_excess(by):+.1%}",
        f"{each.cost_excess(by):+.1%}",
        "yes" if each.point else "no",
    )


def _impossible(front: Front) -> Iterator[Section]:
    if not front.impossible:
        return
    columns = (Column("candidates", is_prose=True), Column("proof", is_prose=True))
    rows = tuple((each.designs.words, proof_words(each.proof)) for each in front.impossible)
    yield Section("Impossible", "no plan of these can, and this is proven", Grid(columns, rows))


def _open(front: Front) -> Iterator[Section]:
    if not front.open:
        return
    columns = (
        Column("candidates", is_prose=True),
        Column("step ms", True),
        Column("at least", True),
        Column("why", is_prose=True),
    )
    rows = tuple(
        (
            each.designs.words,
            _milliseconds(each.point.step_seconds) if each.point else "-",
            _milliseconds(each.step_bound_seconds),
            _REASONS[each.reason],
        )
        for each in front.open
    )
    yield Section("Not decided", "these may or may not belong to the front", Grid(columns, rows))


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
        *(f"{many:,} {_REASONS[reason]}" for reason, many in why_open.items()),
    ]
    exact = f"; front exact to {_gaps(front)}" if front.points else ""
    solved = f"{front.solved:,} solved in full"
    return f"{words.plural(front.candidates, 'candidate')}, {solved}: {', '.join(told)}{exact}"


def _gaps(front: Front) -> str:
    """``1.30% (1 node) .. 15.0% (8 nodes)``."""
    known = sorted(front.points, key=lambda point: (point.gap or 0.0, point.design))
    low, high = known[0], known[-1]
    ends = [
        f"{gap_words(each)} ({words.plural(each.design.nodes, 'node')})" for each in (low, high)
    ]
    return ends[0] if gap_words(low) == gap_words(high) else " .. ".join(ends)
