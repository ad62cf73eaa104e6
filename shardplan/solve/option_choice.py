"""The relaxation with whole options: an integer program that chooses options but no devices.

Without devices there is no symmetry, so that it is solved in well under a second where the full
program takes minutes; and since a table cannot mix two options, its bound is well above that of the
linear relaxation when tables are few and large.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.backend import Limits, Status, Watch, solve_program
from shardplan.solve.relaxation import relaxation_program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem import Problem

_SAFETY = 1e-7


@dataclass(frozen=True, slots=True)
class OptionChoice:
    """The best choice of options, devices aside."""

    lower_bound: float
    """Seconds; holds for placements made of the allowed options."""
    option: NDArray[np.int64] | None
    """(I,): the chosen option of each item, None where the program found none."""


def choose_options(
    problem: Problem,
    allowed: NDArray[np.bool_],
    limits: Limits,
    *,
    stop_above: float,
    watch: Watch,
) -> OptionChoice:
    """Choose among the ``allowed`` (O,) options.

    ``stop_above`` is an objective known to be reachable: a bound above it is cut down to it.
    """
    pairs = np.argwhere(np.ones((problem.item_count, problem.stage_count), dtype=bool))
    program, columns = relaxation_program(problem, allowed, pairs)
    integer = program.integer.copy()
    integer[columns.y] = True
    answer = solve_program(replace(program, integer=integer), limits, watch=watch)
    if answer.status is Status.INFEASIBLE:
        return OptionChoice(stop_above, None)
    bound = min(answer.bound * problem.time_unit * (1 - _SAFETY), stop_above)
    if answer.x is None:
        return OptionChoice(bound, None)
    share = answer.x[columns.y]
    option = np.array(
        [
            span.start + int(share[span.start : span.stop].argmax())
            for span in map(problem.options_of, range(problem.item_count))
        ]
    )
    return OptionChoice(bound, option)
