"""The relaxation with whole options: an integer program that chooses options but no devices.

Without devices there is no symmetry, so that it is solved in seconds where the full program takes
hours; and since a table cannot mix two options, its bound is well above that of the linear
relaxation when tables are few and large. Its options are also the best to start a search from, the
more so when they are chosen for the balance that placements reach instead of a perfect one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.relaxation import (
    add_rooms,
    relaxation_rows,
    violated_rooms,
    violated_units,
)
from shardplan.solve.program.answer import Limits, Status, Watch
from shardplan.solve.program.backend import solve_program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.bound.large_units import LargeUnits
    from shardplan.solve.bound.move_limit import MoveLimit
    from shardplan.solve.bound.relaxation import RelaxationColumns
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.program.program import ProgramBuilder

_SAFETY = 1e-7
CHOICE_ROUNDS = 8
"""Rounds of adding the unit rows that a choice breaks; the bound of any round is valid."""


@dataclass(frozen=True, slots=True)
class OptionChoice:
    """The best choice of options, devices aside."""

    lower_bound: float
    """Seconds; holds for placements made of the allowed options, and for a balance of 1."""
    option: NDArray[np.int64] | None
    """(I,): the chosen option of each item, None where the program found none."""


def choose_options(
    problem: Problem,
    allowed: NDArray[np.bool_],
    unit_rows: NDArray[np.int64],
    limits: Limits,
    *,
    stop_above: float,
    watch: Watch,
    balance: NDArray[np.float64] | None = None,
    filling: float = 1.0,
    large: LargeUnits | None = None,
    moves: MoveLimit | None = None,
    rounds: int = CHOICE_ROUNDS,
) -> OptionChoice:
    """Choose among the ``allowed`` (O,) options.

    ``unit_rows`` (n, 2) are the (item, stage) pairs whose unit rows matter most; more are added as
    they are broken, and rows for the room that an item's fullest device needs. ``stop_above`` is an
    objective known to be reachable: a bound above it is cut down to it. ``balance``, ``filling``
    and ``moves`` are those of ``relaxation_rows``; ``large`` adds what devices with large units
    waste, for placements better than the objective that it was made for.
    """
    bound, option = 0.0, None
    room_rows = np.zeros((0, 2), dtype=np.int64)
    for _ in range(rounds):
        if limits.until.is_over:
            break
        build, columns = relaxation_rows(problem, allowed, unit_rows, balance, filling, moves)
        if large is not None:
            large.add_to(build, problem, columns)
        add_rooms(build, problem, columns, room_rows)
        _add_whole_blends(build, problem, columns)
        program = build.build()
        integer = program.integer.copy()
        integer[columns.y[~problem.mixable]] = True
        integer[columns.paid] = True
        answer = solve_program(replace(program, integer=integer), limits, watch=watch)
        if answer.status is Status.INFEASIBLE:
            return OptionChoice(stop_above, None)
        bound = max(bound, answer.bound * problem.time_unit * (1 - _SAFETY))
        if answer.x is None:
            break
        option = problem.largest(answer.x[columns.y])
        violated = violated_units(problem, answer.x, columns)
        crowded = violated_rooms(problem, answer.x, columns)
        if not len(violated) + len(crowded) or answer.interrupted:
            break
        unit_rows = np.unique(np.concatenate([unit_rows, violated]), axis=0)
        room_rows = np.unique(np.concatenate([room_rows, crowded]), axis=0)
    return OptionChoice(min(bound, stop_above), option)


def _add_whole_blends(build: ProgramBuilder, problem: Problem, columns: RelaxationColumns) -> None:
    """Of options that can be mixed, the blend is taken as a whole or not at all."""
    mixable = np.flatnonzero(problem.mixable)
    if not len(mixable):
        return
    blend, number = np.unique(problem.blend[mixable], return_inverse=True)
    taken = build.add_columns("z", [blend], upper=1.0, integer=True)
    rows = build.add_rows("blend", [blend], lower=0.0, upper=0.0)
    build.add_entries(rows, taken, -1.0)
    build.add_entries(rows[number], columns.y[mixable], 1.0)
