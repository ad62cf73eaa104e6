"""What the average device bears at least, whatever is chosen: the relaxation without a program.

A stage's slowest device bears at least the mean of all devices, and a chain of stages takes at
least the sum of its stages' means. Over all placements that is least where every item takes the
option that adds least to the chain: a bound, for all that memory, units and what is charged once
may add.
It takes one look at each option, so that it is there for any number of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Problem

_ROUNDING = 1e-9
"""Relative, of sums over many items."""


def averages(
    problem: Problem, allowed: NDArray[np.bool_]
) -> tuple[float, NDArray[np.float64], NDArray[np.bool_]]:
    """The bound in seconds over the ``allowed`` (O,) options; (O,) by how much each raises it, and
    (O,) whether it is the one of its item that adds least.

    Infinite where an item has no option, or where all items need more bytes, each in its leanest
    option, than there are in all tiers.
    """
    starts, item = problem.option_offsets[:-1], problem.item_of_option
    needs = problem.total_device_bytes.sum(axis=1) + problem.total_node_bytes.sum(axis=1)
    leanest = np.minimum.reduceat(np.where(allowed, needs, np.inf), starts).sum()
    offered = problem.device_capacity.sum() + problem.node_capacity.sum()
    is_possible = leanest <= offered * (1 + _ROUNDING)
    mean = problem.total_load_seconds / problem.device_count
    best, raised = float("-inf"), np.zeros(problem.option_count)
    for chain, seconds in zip(
        problem.objective.in_chain.T, problem.objective.chain_seconds.tolist(), strict=True
    ):
        added = np.where(allowed, mean[:, chain].sum(axis=1), np.inf)
        least = np.minimum.reduceat(added, starts)
        bound = seconds + float(least.sum())
        if bound > best:
            best, raised = bound, added - np.where(np.isfinite(least), least, 0.0)[item]
    order = np.lexsort((raised, item))
    is_least = np.zeros(problem.option_count, dtype=bool)
    is_least[order[starts]] = True
    return (best * (1 - _ROUNDING) if is_possible else float("inf")), raised, is_least
