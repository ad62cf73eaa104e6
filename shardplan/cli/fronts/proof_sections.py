"""What is proven of machines and candidates -> sections of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.cli.fronts.front_words import (
    REASONS,
    excess_words,
    mark_of,
    milliseconds,
    proof_words,
    target_words,
)
from shardplan.explain.report.report import Column, Grid, Section
from shardplan.explain.words import words
from shardplan.size.answer.verdict import verdicts
from shardplan.spec.sizing.goal import Goal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.explain.report.report import Cell
    from shardplan.size.answer.dominated import Dominated
    from shardplan.size.answer.front import Front
    from shardplan.size.answer.point import Point
    from shardplan.size.answer.verdict import Verdict


def proof_sections(front: Front) -> Iterator[Section]:
    """Who dominates whom by how much, what cannot, and what is not decided."""
    yield from _dominated(front)
    yield from _impossible(front)
    yield from _open(front)


def by_machine(front: Front) -> Iterator[Section]:
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
        why = "neither a plan that does, nor a proof that none can"
        if verdict.is_fewer_dominated:
            why = "not solved, since the front is better than whatever they do"
        parts.append(f"{nodes}: {why}")
    if verdict.cannot is not None:
        last = verdict.cannot.designs.last
        parts.append(
            f"{words.plural(last.nodes, 'node')} cannot: {proof_words(verdict.cannot.proof)}"
        )
    return "; ".join(parts) or "-"


def _dominated(front: Front) -> Iterator[Section]:
    if not front.dominated:
        return
    columns = (
        Column("candidates", is_prose=True),
        Column("step ms at least", True),
        Column("dominated by", is_prose=True),
        Column("longer by at least", True),
        Column("dearer by at least", True),
        Column("plan", spare=1),
    )
    points = {point.design: (mark_of(n), point) for n, point in enumerate(front.points)}
    rows = tuple(_dominated_row(each, *points[each.by]) for each in front.dominated)
    meaning = "whatever their plans, these are no better in anything, by their bounds"
    yield Section("Dominated", meaning, Grid(columns, rows))


def _dominated_row(each: Dominated, mark: str, by: Point) -> tuple[Cell, ...]:
    return (
        each.designs.words,
        milliseconds(each.step_bound_seconds),
        f"{mark}: {by.design.words}",
        excess_words(each.excess(Goal.TIME, by)),
        excess_words(each.excess(Goal.COST, by)),
        _plan(each.point),
    )


def _plan(point: Point | None) -> str:
    if point is None:
        return "none"
    return "greedy plan" if point.is_greedy else "solved"


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
            milliseconds(each.point.step_seconds) if each.point else "-",
            milliseconds(each.step_bound_seconds),
            REASONS[each.reason],
        )
        for each in front.open
    )
    yield Section("Not decided", "these may or may not belong to the front", Grid(columns, rows))
