"""One option of each blend: a small problem for choosing between blends.

Where options can be mixed there are many of them, and a choice among all is slow. Within a blend
the relaxation knows which one pays best at its prices of memory; of a choice made among these few
only the proportions are left to find, by the search and by ``mixing``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.problem import Shape
from shardplan.solve.problem.variants import take, unmixed

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.solve.bound.relaxation import Relaxation
    from shardplan.solve.problem.problem import Problem

SHORT_STAGE = 0.05
"""Of the bound: shorter stages may be imbalanced without much harm."""
_NO_SECONDS = 1e-300
"""Stands for a stage without any load where something is divided by it."""
_ROUNDING = 1e-9
"""Relative difference up to which units are equally fine."""


@dataclass(frozen=True)
class Representatives:
    """A problem without mixtures; the problem itself where nothing can be mixed."""

    problem: Problem
    option: NDArray[np.int64]
    """(O',): the option of the whole problem that each option is."""

    @classmethod
    def of(cls, problem: Problem, relaxation: Relaxation) -> Self:
        """The options of least reduced cost, and of these the ones used most."""
        if not problem.mixable.any():
            return cls(problem, np.arange(problem.option_count))
        order = np.lexsort((-relaxation.share, relaxation.reduced_cost, problem.blend))
        first = np.unique(problem.blend[order], return_index=True)[1]
        option = np.sort(order[first])
        return cls(unmixed(take(problem, option)), option)


def near_best(problem: Problem, relaxation: Relaxation, most: int) -> NDArray[np.bool_]:
    """(O,): of each item and shape the ``most`` options of least reduced cost.

    A search that draws its changes from all sizes of all caches seldom draws a good one.
    """
    group = problem.item_of_option * len(Shape) + problem.shape
    order = np.lexsort((relaxation.reduced_cost, group))
    _, first, counts = np.unique(group[order], return_index=True, return_counts=True)
    rank = np.arange(problem.option_count) - np.repeat(first, counts)
    near = np.zeros(problem.option_count, dtype=bool)
    near[order[rank < most]] = True
    return near


def fine_enough(
    problem: Problem,
    allowed: NDArray[np.bool_],
    relaxation: Relaxation,
    largest: float,
    largest_bytes: float,
    short_stage: float = SHORT_STAGE,
) -> NDArray[np.bool_]:
    """(O,): ``allowed`` options whose units leave room for others; of each item its finest anyway.

    A unit may be as long as the ``largest`` share of what the slowest device bears of a stage in
    the relaxed optimum, and fill ``largest_bytes`` of a device's memory.
    """
    longest = relaxation.stage_max.clip(min=short_stage * relaxation.lower_bound)
    longest = longest.clip(min=_NO_SECONDS)
    capacity = problem.device_capacity.max(axis=0).clip(min=1.0)
    size = np.maximum(
        (problem.load_seconds / longest).max(axis=1, initial=0.0) / largest,
        (problem.device_bytes / capacity).max(axis=1, initial=0.0) / largest_bytes,
    )
    size[problem.shape == Shape.ALL] = 0.0
    size[~allowed] = np.inf
    finest = np.minimum.reduceat(size, problem.option_offsets[:-1]).clip(min=1.0)
    fine: NDArray[np.bool_] = size <= finest[problem.item_of_option] * (1 + _ROUNDING)
    return fine & allowed
