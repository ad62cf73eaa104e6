"""From the relaxation's shares to one option per item, and from there to a first placement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.search.annealing.annealing import fill
from shardplan.solve.search.annealing.insertion import Candidates, Inserter
from shardplan.solve.search.annealing.population import Population

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.solve.bound.relaxation import Relaxation
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem

_FINENESS = (0.8, 1.0, 0.65, 0.5, 1e6)
"""Largest unit allowed, relative to the relaxation's slowest device: smaller units balance better,
but cost more in all."""
_LARGEST_SHARE_OF_MEMORY = 0.8
"""Units above this share of a device leave no room for what all devices hold anyway."""
_LARGEST_FREE_FILL = 1_000_000
"""Options times devices up to which a fill over all options is worth its time."""
_FILL_CELLS = 100_000_000
"""Options times devices, over all fills but the first."""
_FILL_EXPONENT = 4


def round_options(problem: Problem, relaxation: Relaxation, fineness: float) -> NDArray[np.bool_]:
    """(O,): one option per item, that of the largest share among those of small enough units.

    A fractional optimum may lean half on an option whose unit alone is longer than the stage: when
    the units of an item are all larger than ``fineness`` allows, the finest are taken.
    """
    limit = relaxation.stage_max * fineness
    scale = (relaxation.lower_bound * 1e-9 + limit).clip(min=1e-300)
    fullest = problem.fullest_device_seconds
    excess = (fullest / scale)[:, problem.objective.is_critical].max(axis=1, initial=1.0)
    room = problem.device_capacity.max(axis=0).clip(min=1.0) * _LARGEST_SHARE_OF_MEMORY
    excess = np.maximum(excess, (problem.device_bytes / room).max(axis=1, initial=1.0))
    order = np.lexsort(
        (
            relaxation.reduced_cost,
            -relaxation.share.round(6),
            excess.round(3),
            problem.item_of_option,
        )
    )
    chosen = np.zeros(problem.option_count, dtype=bool)
    chosen[order[problem.option_offsets[:-1]]] = True
    return chosen


def first_placements(
    problem: Problem, relaxation: Relaxation
) -> Iterator[tuple[Placement, NDArray[np.bool_]]]:
    """Greedy placements and the (O,) options they are made of: rounded ones, and all at once."""
    cells = problem.option_count * problem.device_count
    fineness = _FINENESS[: max(1, _FILL_CELLS // cells)]
    choices = [round_options(problem, relaxation, limit) for limit in fineness]
    if cells <= _LARGEST_FREE_FILL:
        choices.append(np.ones(problem.option_count, dtype=bool))
    seen: set[bytes] = set()
    for allowed in choices:
        if allowed.tobytes() not in seen:
            seen.add(allowed.tobytes())
            yield fill_greedily(problem, relaxation, allowed), allowed


def fill_greedily(
    problem: Problem, relaxation: Relaxation, allowed: NDArray[np.bool_]
) -> Placement:
    """Place the heaviest item first, each where it adds least; what does not fit lies over."""
    inserter = Inserter(
        problem,
        Candidates.of(problem, allowed),
        log2_exponent=_FILL_EXPONENT,
        penalty_seconds=8.0 * max(relaxation.lower_bound, 1e-12),
    )
    population = Population(problem, 1)
    fill(inserter, population, np.zeros(1), np.random.default_rng(0))
    return population.placement(0)
