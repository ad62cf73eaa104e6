"""A first placement: items in falling size, each inserted where it fits best."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.insertion import Inserter
from shardplan.solve.state import State

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem import Problem


def construct(
    problem: Problem,
    candidates: list[NDArray[np.int64]],
    *,
    scale_seconds: float,
    log2_exponent: int = 3,
) -> State | None:
    """Insert all items, the largest first; None where an item has no legal place left.

    Size is the larger of an item's smallest share of the whole time and of the whole memory.
    ``scale_seconds`` is the magnitude of the objective, which weighs bytes over capacity.
    """
    state = State(problem)
    inserter = Inserter(
        problem, candidates, log2_exponent=log2_exponent, penalty_seconds=20.0 * scale_seconds
    )
    for item in np.argsort(-_sizes(problem, candidates), kind="stable").tolist():
        insertion = inserter.best(state, item)
        if insertion is None:
            return None
        state.insert(item, insertion.option, insertion.targets)
    return state


def _sizes(problem: Problem, candidates: list[NDArray[np.int64]]) -> NDArray[np.float64]:
    capacity = np.concatenate(
        [problem.device_capacity.sum(axis=0), problem.node_capacity.sum(axis=0)]
    ).clip(min=1.0)
    total_bytes = np.hstack([problem.total_device_bytes, problem.total_node_bytes]) / capacity
    seconds = problem.total_load_seconds.sum(axis=1)
    seconds = seconds / max(seconds.sum(), 1e-300) * problem.option_count / problem.item_count
    weight = np.maximum(seconds, total_bytes.max(axis=1, initial=0.0))
    return np.array([weight[options].min() for options in candidates])
