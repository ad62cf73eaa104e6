"""What the variables of the exact integer program pay for where units land."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.problem import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.exact.assignment import Assignment


def fares_of_columns(model: Assignment, of_unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """(columns,): what each variable stands for pays, where one unit of an option pays ``of_unit``
    (O, D) on each device that it lands on."""
    at, problem = model.columns, model.columns.problem
    found = np.zeros(model.program.column_count)
    everywhere = (problem.shape == Shape.ALL) & (at.y >= 0)
    found[at.y[everywhere]] = of_unit[everywhere].sum(axis=1)
    on_node = problem.shape[at.x_option] == Shape.NODE
    for some, width in ((~on_node, 1), (on_node, problem.devices_per_node)):
        devices = at.x_place[some][:, None] * width + np.arange(width)
        found[at.x[some]] = of_unit[at.x_option[some][:, None], devices].sum(axis=1)
    return found
