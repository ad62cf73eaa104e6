"""Fewer stages for the same objective: those that are longest on the same device become one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.problem.variants import with_stages

if TYPE_CHECKING:
    from numpy.typing import NDArray

_PROPORTIONAL = 1e-9
"""Largest deviation from proportion, relative to a stage's largest load."""


def merge_stages(problem: Problem) -> Problem:
    """The same problem, merging stages of the same chains that always order devices alike.

    What all-device options add is the same on every device, so that a stage's slowest device is the
    one with the most of the rest. Where the rest of two stages is proportional, or one has none,
    the maximum of the sum is the sum of the maxima. The rest is what units add to their devices and
    to these devices' neighbours.
    """
    groups = _groups(problem)
    return with_stages(problem, groups) if len(groups) < problem.stage_count else problem


def _groups(problem: Problem) -> list[list[int]]:
    """Stages that may be merged; each group's first one leads it."""
    placed = problem.load_seconds[problem.shape != Shape.ALL]
    placed, chains = np.vstack([placed, problem.spill_seconds]), problem.objective.in_chain
    groups: list[list[int]] = []
    # Stages with placed loads first: one without any goes with whichever leads its chains.
    for stage in sorted(range(problem.stage_count), key=lambda s: not placed[:, s].any()):
        for group in groups:
            same_chains = np.array_equal(chains[group[0]], chains[stage])
            if same_chains and _is_proportional(placed[:, stage], placed[:, group[0]]):
                group.append(stage)
                break
        else:
            groups.append([stage])
    return sorted(groups)


def _is_proportional(load: NDArray[np.float64], to: NDArray[np.float64]) -> bool:
    if not load.any():
        return True
    factor = float(load @ to / (to @ to)) if to.any() else 0.0
    return bool(np.abs(load - factor * to).max() <= _PROPORTIONAL * load.max())
