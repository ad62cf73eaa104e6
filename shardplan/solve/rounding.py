"""From the relaxation's shares to one option per item, and from there to a first placement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.annealing import fill
from shardplan.solve.exchange import ExchangeParams, exchange
from shardplan.solve.insertion import Candidates, Inserter
from shardplan.solve.population import Population
from shardplan.solve.relaxation import fullest_device_load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from shardplan.solve.placement import Placement
    from shardplan.solve.problem import Problem
    from shardplan.solve.relaxation import Relaxation

_FINENESS = (1e6, 1.0, 0.8, 0.65, 0.5)
"""Largest unit allowed, relative to the relaxation's slowest device: smaller units balance better,
but cost more in all."""
_LARGEST_SHARE_OF_MEMORY = 0.8
"""Units above this share of a device leave no room for what all devices hold anyway."""
_LARGEST_FREE_FILL = 1_000_000
"""Options times devices up to which a fill over all options is worth its time."""
_FILL_EXPONENTS = (2, 4)


def round_options(problem: Problem, relaxation: Relaxation, fineness: float) -> NDArray[np.bool_]:
    """(O,): one option per item, that of the largest share among those of small enough units.

    A fractional optimum may lean half on an option whose unit alone is longer than the stage: when
    the units of an item are all larger than ``fineness`` allows, the finest are taken.
    """
    limit = relaxation.stage_max * fineness
    scale = (relaxation.lower_bound * 1e-9 + limit).clip(min=1e-300)
    fullest = fullest_device_load(problem)
    counted = problem.chain_of_stage == problem.chain_seconds.argmax()
    excess = (fullest / scale)[:, counted].max(axis=1, initial=1.0)
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
    problem: Problem,
    relaxation: Relaxation,
    rng: np.random.Generator,
    should_stop: Callable[[], bool],
) -> Iterator[Placement]:
    """Greedy placements, balanced by exchange: of rounded options, and of all options at once."""
    everything = np.ones(problem.option_count, dtype=bool)
    choices = [round_options(problem, relaxation, fineness) for fineness in _FINENESS]
    if problem.option_count * problem.device_count <= _LARGEST_FREE_FILL:
        choices.append(everything)
    seen: set[bytes] = set()
    for allowed in choices:
        if allowed.tobytes() in seen:
            continue
        seen.add(allowed.tobytes())
        candidates = Candidates.of(problem, allowed)
        for exponent in _FILL_EXPONENTS:
            if should_stop():
                return
            inserter = Inserter(
                problem,
                candidates,
                log2_exponent=exponent,
                penalty_seconds=8.0 * max(relaxation.lower_bound, 1e-12),
            )
            population = Population(problem, 1)
            fill(inserter, population, np.zeros(1), rng)
            yield exchange(problem, population.placement(0), ExchangeParams(), rng, should_stop)
