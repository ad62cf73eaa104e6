"""Simulated annealing of a population of placements, a few items at a time.

Each step takes one to three items out of every placement, of its slowest devices or from anywhere,
and puts each back by a heat bath over all its options and places (``Inserter.choose``). The result
is kept if it is not much worse; how much falls with the temperature, so that the population first
finds which options go together and then balances the devices ever more finely.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.search.annealing.insertion import Candidates, Inserter
from shardplan.solve.search.annealing.population import Population

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.search.incumbent import Incumbent


@dataclass(frozen=True, slots=True)
class AnnealParams:
    """How long, how hot and how wide to search."""

    size: int = 32
    """Placements side by side."""
    steps: int = 2000
    hottest: float = 0.03
    """The first temperature, relative to the objective."""
    coldest: float = 1e-4
    """The last one."""
    log2_exponents: tuple[int, int] = (3, 7)
    """The exponent of the power mean rises from the first to the second as the search cools."""
    largest_ruin: int = 3
    """The most items taken out at once."""

    def resized(self, size: int) -> AnnealParams:
        """The same search with another number of placements."""
        return replace(self, size=size)


def fill(
    inserter: Inserter,
    population: Population,
    noise_seconds: NDArray[np.float64],
    rng: np.random.Generator,
) -> None:
    """Place all items of empty placements, those that weigh most first."""
    for item in np.argsort(-_weights(inserter), kind="stable"):
        items = np.full(population.size, item)
        population.insert(items, *inserter.choose(population, items, noise_seconds, rng))


def anneal(
    problem: Problem,
    allowed: NDArray[np.bool_],
    params: AnnealParams,
    rng: np.random.Generator,
    *,
    scale_seconds: float,
    incumbent: Incumbent,
    starts: Sequence[Placement] = (),
    should_stop: Callable[[], bool] = lambda: False,
) -> None:
    """Search over the ``allowed`` (O,) options; what is found goes to ``incumbent``.

    ``scale_seconds`` is the magnitude of the objective: temperatures and the price of bytes over
    capacity are relative to it. ``starts`` replace some of the greedy first placements.
    """
    candidates = Candidates.of(problem, allowed)
    population = Population(problem, params.size)
    ladder = scale_seconds * np.geomspace(0.5, 2.0, params.size)
    first, last = params.log2_exponents
    inserters = {
        exponent: Inserter(
            problem, candidates, log2_exponent=exponent, penalty_seconds=8.0 * scale_seconds
        )
        for exponent in range(first, last + 1)
    }
    fill(inserters[first], population, params.hottest * ladder, rng)
    for row, start in enumerate(starts):
        population.copy_in(row, start)
    for step in range(params.steps):
        if should_stop():
            break
        progress = step / params.steps
        exponent = first + round(progress * (last - first))
        heat = params.hottest * (params.coldest / params.hottest) ** progress * ladder
        _step(population, inserters[exponent], heat, params.largest_ruin, rng)
        _offer(population, incumbent)


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


def _step(
    population: Population,
    inserter: Inserter,
    heat: NDArray[np.float64],
    largest_ruin: int,
    rng: np.random.Generator,
) -> None:
    before = inserter.scores(population)
    sums = (
        population.load.copy(),
        population.device_bytes.copy(),
        population.node_bytes.copy(),
        population.held.copy(),
    )
    ruined = _ruin(population, int(rng.integers(1, largest_ruin + 1)), rng)
    undo = [(items, *population.remove(items)) for items in ruined]
    for items in ruined:
        population.insert(items, *inserter.choose(population, items, 0.3 * heat, rng))
    after = inserter.scores(population)
    reject = np.flatnonzero(after > before + heat * rng.exponential(size=len(heat)))
    for now, saved in zip(
        (population.load, population.device_bytes, population.node_bytes, population.held),
        sums,
        strict=True,
    ):
        now[reject] = saved[reject]
    for items, options, counts in undo:
        population.option[reject, items[reject]] = options[reject]
        population.count[reject, items[reject]] = counts[reject]


def _ruin(
    population: Population, how_many: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Distinct items per placement: every other one from the slowest device of some stage."""
    problem, rows = population.problem, np.arange(population.size)
    keys = rng.random(population.option.shape)
    stage = rng.integers(problem.stage_count, size=population.size)
    slowest = population.load[rows, :, stage].argmax(axis=1)
    on_slowest = population.count[rows, :, slowest] > 0
    on_slowest &= problem.shape[population.option] != Shape.ALL
    ruined = []
    for turn in range(min(how_many, problem.item_count)):
        prefer = keys + on_slowest if (turn + how_many) % 2 else keys
        items = prefer.argmax(axis=1)
        keys[rows, items] = -2.0
        ruined.append(items)
    return ruined


def _offer(population: Population, incumbent: Incumbent) -> None:
    objectives = population.objectives()
    better = np.flatnonzero(objectives < incumbent.objective)
    if not len(better):
        return
    fitting = better[population.overflow()[better] == 0.0]
    if len(fitting):
        best = int(fitting[objectives[fitting].argmin()])
        incumbent.take(float(objectives[best]), population.placement(best))
