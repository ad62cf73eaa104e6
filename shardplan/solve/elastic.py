"""How far a problem is from having a placement: the least memory that would have to be added."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.backend import solve_program
from shardplan.solve.program import ProgramBuilder

if TYPE_CHECKING:
    from shardplan.solve.problem import Problem

_DEVICE_MEMORY_PRICE = 1.001
"""A byte on devices counts a little more than one on nodes, so that ties go to the nodes."""


def missing_in_total(problem: Problem) -> tuple[float, float]:
    """The least (device bytes, node bytes) to be added to the cluster so that the totals suffice.

    Both 0 when they do already; then what is short is room on single devices, not in total.
    """
    build = ProgramBuilder()
    y = build.add_columns("y", [np.arange(problem.option_count)])
    choose = build.add_rows("choose", [np.arange(problem.item_count)], lower=1.0, upper=1.0)
    build.add_entries(choose[problem.item_of_option], y, 1.0)
    unit = max(float(problem.device_capacity.sum()), 1.0)
    extra = []
    for family, total, capacity, price in (
        (
            "device_memory",
            problem.total_device_bytes,
            problem.device_capacity,
            _DEVICE_MEMORY_PRICE,
        ),
        ("node_memory", problem.total_node_bytes, problem.node_capacity, 1.0),
    ):
        tiers = np.arange(capacity.shape[1])
        rows = build.add_rows(family, [tiers], upper=capacity.sum(axis=0) / unit)
        build.add_entries(rows[None, :], y[:, None], total / unit)
        over = build.add_columns("over", [tiers], cost=price)
        build.add_entries(rows, over, -1.0)
        extra.append(over)
    answer = solve_program(build.build())
    if answer.x is None:
        return 0.0, 0.0
    device, node = (float(answer.x[columns].sum()) * unit for columns in extra)
    return device, node
