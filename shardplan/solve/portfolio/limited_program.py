"""The exact integer program of placements that move little: the shortest step for the bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.exact.assignment import assignment
from shardplan.solve.exact.fares_of_columns import fares_of_columns
from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program

if TYPE_CHECKING:
    from shardplan.solve.portfolio.relocation_limit import RelocationLimit
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.search.record import Record
    from shardplan.solve.search.relocation_params import RelocationParams

_SAFETY = 1e-7
"""Relative allowance for rounding, taken off the integer program's bound."""


def solve_limited_program(
    record: Record, moves: RelocationLimit, params: RelocationParams, most_columns: int
) -> Placement | None:
    """Solve the program if it has no more than ``most_columns``; what it found, if anything.

    It counts each unit as if it were the only one of its item: its bound holds, and what it finds
    may move more than is allowed.
    """
    problem, allowed, budget = record.problem, record.worth_trying(), record.budget
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
    answer = solve_program(
        model.program.with_row("moves", weights, moves.limit_bytes / scale),
        record.limits(
            budget.nodes(params.node_columns // columns), budget.gap * params.program_gap
        ),
        start=model.point(known) if known is not None else None,
        watch=record.watch("integer program"),
        seed=budget.seed,
    )
    if answer.status is Status.INFEASIBLE:
        record.prove(record.objective, "integer program")
    elif answer.bound > 0:
        # Options beyond the incumbent's reach were left out.
        bound = answer.bound * problem.time_unit * (1 - _SAFETY)
        record.prove(min(bound, record.objective), "integer program")
    return model.placement(answer.x) if answer.x is not None else None
