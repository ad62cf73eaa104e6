"""One option for each item by linear program and rounding, where an integer program takes long.

Of many items few are divided in the optimum of the linear program, at most about one for each row
that is not an item's own. What rounding them changes, a search makes good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.relaxation import relaxation_rows, violated_units
from shardplan.solve.program.answer import Status, Watch
from shardplan.solve.program.backend import solve_program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.program.answer import Limits


def rounded_choice(
    problem: Problem,
    allowed: NDArray[np.bool_],
    unit_rows: NDArray[np.int64],
    limits: Limits,
    *,
    watch: Watch,
    balance: NDArray[np.float64],
    filling: float,
    rounds: int,
) -> NDArray[np.int64] | None:
    """(I,): of the ``allowed`` (O,) options the one of which the optimum has most.

    ``unit_rows``, ``balance`` and ``filling`` are those of ``relaxation_rows``; rows that are
    broken are added in as many ``rounds``. None where there is no optimum within the limits.
    """
    option = None
    for _ in range(rounds):
        build, columns = relaxation_rows(problem, allowed, unit_rows, balance, filling)
        answer = solve_program(build.build(), limits, watch=watch)
        if answer.x is None or answer.status is not Status.OPTIMAL:
            break
        option = problem.largest(answer.x[columns.y])
        violated = violated_units(problem, answer.x, columns)
        if not len(violated) or watch.should_stop():
            break
        unit_rows = np.unique(np.concatenate([unit_rows, violated]), axis=0)
    return option
