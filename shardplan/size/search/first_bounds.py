"""Bounds of all candidates before any is planned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.size.bounds.least_step import least_step
from shardplan.size.bounds.scale_bounds import ScaleBounds
from shardplan.size.crew.job import NoPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.size.bounds.step_bound import StepBound
    from shardplan.size.search.standings import Standings
    from shardplan.size.space.space import Space
    from shardplan.solve.deadline import Deadline

_ONE_BY_ONE = 32
"""Node counts of a machine, up to which each has a bound of its own."""


def series_of(space: Space) -> list[list[int]]:
    """All candidates of a space by their numbers, in series of rising nodes.

    Those of one differ in nothing but nodes and, with so many samples for each device, in the
    batch.
    """
    asked = space.local_batches
    keyed: dict[tuple[int, bool, int, int], list[int]] = {}
    for number, each in enumerate(space.candidates):
        local = each.batch // (each.nodes * space.offer_of(each).devices_per_node)
        is_weak = local in asked
        key = (each.offer, is_weak, local if is_weak else each.batch, each.groups)
        keyed.setdefault(key, []).append(number)
    return [sorted(found, key=lambda n: space.candidates[n].nodes) for found in keyed.values()]


def prove_bounds(standings: Standings, deadline: Deadline) -> None:
    """In closed form, of many node counts over whole ranges; what there is no time for stays
    without."""
    for series in series_of(standings.space):
        possible = [number for number in series if not standings.terms[number].problem]
        if len(possible) <= _ONE_BY_ONE or not _prove_ranges(standings, possible):
            for number in possible:
                if deadline.is_over:
                    return
                prove_alone(standings, number)


def prove_alone(standings: Standings, number: int) -> None:
    """The bound of one candidate, or why it has no plan."""
    if number in standings.proofs or number in standings.refusals:
        return
    try:
        bound = least_step(standings.space.case(standings.space.candidates[number]))
    except InputError as error:
        facts = tuple(each.message for each in error.diagnostics)
        standings.refuse(number, NoPlan(facts=facts))
        return
    _take(standings, number, bound)


def _take(standings: Standings, number: int, bound: StepBound) -> None:
    if bound.seconds == float("inf"):
        standings.refuse(number, NoPlan(bound.shortfalls))
    else:
        standings.prove(number, bound.seconds, bound)


def _prove_ranges(standings: Standings, series: Sequence[int]) -> bool:
    """False where some number of nodes is no case at all, of which the others know nothing."""
    space = standings.space
    by_nodes = {space.candidates[number].nodes: number for number in series}

    def case_of(nodes: int) -> Case:
        return space.case(space.candidates[by_nodes[nodes]])

    try:
        bounds = ScaleBounds.of(case_of, tuple(by_nodes))
    except InputError:
        return False
    for nodes, number in by_nodes.items():
        if nodes in bounds.points:
            _take(standings, number, bounds.points[nodes])
        else:
            standings.prove(number, bounds.seconds(nodes))
    return True
