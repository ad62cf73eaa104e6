"""The exact integer program of placements that move little: the shortest step for the bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.exact.assignment import assignment
from shardplan.solve.exact.fares_of_columns import fares_of_columns
from shardplan.solve.problem.placement import device_counts
from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program

if TYPE_CHECKING:
    from shardplan.solve.exact.assignment import Assignment
    from shardplan.solve.portfolio.relocation_limit import RelocationLimit
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.program.program import Program
    from shardplan.solve.search.record import Record
    from shardplan.solve.search.relocation_params import RelocationParams

_SAFETY = 1e-7
"""Relative allowance for rounding, taken off the integer program's bound."""


def solve_limited_program(
    record: Record, moves: RelocationLimit, params: RelocationParams, most_columns: int
) -> Placement | None:
    """Solve the program if it has no more than ``most_columns``; what it found, if anything.

    It counts each unit as if it were the only one of its item: its bound holds, and what it finds
    may move more than is allowed; then it is asked again with fewer of these units together.
    """
    problem, budget = record.problem, record.budget
    allowed = record.worth_trying() & (moves.least <= moves.limit_bytes)
    if record.placement is not None:
        allowed[record.placement.option] = True
    places = np.array([problem.device_count, problem.node_count, 0])
    columns = int((places[problem.shape[allowed]] + 1).sum())
    if columns > most_columns * min(budget.effort, 1.0):
        return None
    record.reporter.starting("milp")
    model = assignment(problem, allowed)
    of_unit = np.zeros((problem.option_count, problem.device_count))
    of_unit[allowed] = moves.of_unit(np.flatnonzero(allowed))
    scale = max(moves.limit_bytes, 1.0)
    weights = fares_of_columns(model, of_unit) / scale
    known = None if problem.mixable.any() else record.placement
    program = model.program.with_row("moves", weights, moves.limit_bytes / scale)
    limits = record.limits(
        budget.nodes(params.node_columns // columns), budget.gap * params.program_gap
    )
    start = model.point(known) if known is not None else None
    watch = record.watch("integer program")
    answer = solve_program(program, limits, start=start, watch=watch, seed=budget.seed)
    if answer.status is Status.INFEASIBLE:
        record.prove(record.objective, "integer program")
    elif answer.bound > 0:
        # Options beyond the incumbent's reach were left out.
        bound = answer.bound * problem.time_unit * (1 - _SAFETY)
        record.prove(min(bound, record.objective), "integer program")
    if answer.x is None:
        return None
    found = model.placement(answer.x)
    for _ in range(params.program_tries - 1):
        if moves.count(found).sum() <= moves.limit_bytes or record.should_stop():
            break
        program = _with_fewer(program, model, found, moves)
        # The bound is the first one's: what is ruled out now may be allowed.
        watch = record.watch_only()
        answer = solve_program(program, limits, start=start, watch=watch, seed=budget.seed)
        if answer.x is None:
            break
        found = model.placement(answer.x)
    return found


def _with_fewer(
    program: Program, model: Assignment, found: Placement, moves: RelocationLimit
) -> Program:
    """With fewer units of an item on one place, where several move more than each one alone."""
    at, problem, upper = model.columns, model.columns.problem, program.upper.copy()
    each = device_counts(problem, found) * moves.of_unit(found.option)
    is_more = moves.count(found) > each.sum(axis=1)
    for item in np.flatnonzero(is_more).tolist():
        places, units = np.unique(found.targets_of(item), return_counts=True)
        of_option = np.flatnonzero(at.x_option == found.option[item])
        for place, count in zip(places.tolist(), units.tolist(), strict=True):
            if count > 1:
                upper[at.x[of_option[at.x_place[of_option] == place]]] = count - 1
    return replace(program, upper=upper)
