"""Empty placements filled, the heaviest item first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shardplan.solve.search.annealing.insertion import Inserter
    from shardplan.solve.search.annealing.population import Population


def fill(
    inserter: Inserter,
    population: Population,
    noise_seconds: NDArray[np.float64],
    rng: np.random.Generator,
    should_stop: Callable[[], bool],
) -> None:
    """Place all items of empty placements, those that weigh most first."""
    for item in np.argsort(-_weights(inserter), kind="stable"):
        if should_stop():
            return
        items = np.full(population.size, item)
        population.insert(items, *inserter.choose(population, items, noise_seconds, rng))


def _weights(inserter: Inserter) -> NDArray[np.float64]:
    """(I,): an item's least share of the whole time or of the whole memory, over its options."""
    problem, candidates = inserter.problem, inserter.candidates
    capacity = np.concatenate(
        [problem.device_capacity.sum(axis=0), problem.node_capacity.sum(axis=0)]
    ).clip(min=1.0)
    memory = np.hstack([problem.total_device_bytes, problem.total_node_bytes]) / capacity
    seconds = problem.total_load_seconds.sum(axis=1)
    shortest = np.minimum.reduceat(seconds, problem.option_offsets[:-1]).sum()
    weight = np.maximum(seconds / max(shortest, 1e-300), memory.max(axis=1, initial=0.0))
    least: NDArray[np.float64] = np.where(candidates.exists, weight[candidates.option], np.inf).min(
        axis=1
    )
    return least
