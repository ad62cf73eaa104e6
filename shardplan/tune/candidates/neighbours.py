"""Plans that differ from the fastest one in a single place.

What a corrected model errs of a plan, it errs of one that is nearly the same, too: the difference
of the two is known better than either. So the neighbours that it holds for faster than the fastest
plan are worth a run, though it may hold another plan, far away, for faster still.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.planning.cases.widths import of_one_width
from shardplan.planning.drafts.drafts import finish_plan
from shardplan.planning.formulate import formulate
from shardplan.solve.deadline import ENDLESS
from shardplan.solve.outcome import Ending, Outcome
from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.problem import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.settings import Settings

_MOST_TRIED = 4_000
"""Neighbours predicted; of plans with more, those of the items that take longest."""


def faster_neighbours(
    case: Case, decisions: Sequence[Decision], settings: Settings, slack: float
) -> Iterator[Plan]:
    """Plans of a case predicted to be faster than one, or no slower by more than ``slack``.

    The fastest first. None where the plan is none of the case's problem.
    """
    formulation = formulate(of_one_width(case, decisions), ENDLESS)
    problem = formulation.problem
    start, is_placed = formulation.placement(decisions)
    if not is_placed.all() or start.weights is not None:
        return
    limit = evaluate(problem, start).objective * (1 + slack)
    found = []
    for number, placement in enumerate(_neighbours(problem, start)):
        if number >= _MOST_TRIED:
            break
        seen = evaluate(problem, placement)
        if seen.fits and seen.objective <= limit and is_legal(problem, placement):
            found.append((seen.objective, number, placement))
    for objective, _, placement in sorted(found, key=lambda each: each[:2]):
        outcome = Outcome(placement, objective, 0.0, "none", "neighbour", Ending.PATIENCE, ())
        yield finish_plan(case, formulation, outcome, settings)


def _neighbours(problem: Problem, start: Placement) -> Iterator[Placement]:
    """One item by another option, or elsewhere."""
    items = problem.item_count
    targets = [start.targets_of(item) for item in range(items)]
    seconds = problem.own_seconds[start.option].sum(axis=1)
    for item in np.argsort(-seconds, kind="stable").tolist():
        busy = _busy_without(problem, start, item)
        first, end = problem.option_offsets[item : item + 2].tolist()
        for option in range(first, end):
            for where in _places(problem, option, busy):
                if option == start.option[item] and np.array_equal(where, targets[item]):
                    continue
                chosen = start.option.copy()
                chosen[item] = option
                yield Placement.of(chosen, [*targets[:item], where, *targets[item + 1 :]])


def _busy_without(problem: Problem, start: Placement, item: int) -> NDArray[np.float64]:
    """(D,): the seconds of each device without those of an item's units."""
    busy = evaluate(problem, start).load_seconds.sum(axis=1)
    where, own = start.targets_of(item), problem.own_seconds[start.option[item]].sum()
    shape = problem.shape[start.option[item]]
    if shape == Shape.DEVICE:
        np.subtract.at(busy, where, own)
    elif shape == Shape.NODE:
        by_node = busy.reshape(problem.node_count, -1)
        by_node[where] -= own
    found: NDArray[np.float64] = busy
    return found


def _places(
    problem: Problem, option: int, busy: NDArray[np.float64]
) -> Iterator[NDArray[np.int64]]:
    """Where the units of an option may land: where least is done."""
    units, shape = int(problem.units[option]), problem.shape[option]
    if shape == Shape.ALL:
        yield np.zeros(0, np.int64)
        return
    if shape == Shape.NODE:
        busy = busy.reshape(problem.node_count, -1).sum(axis=1)
    order = np.argsort(busy, kind="stable")
    yield np.sort(np.resize(order, units))
