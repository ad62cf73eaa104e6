"""Simulated annealing of a population of placements, a few items at a time.

Each step takes one to three items out of every placement, of its slowest devices or from anywhere,
and puts each back by a heat bath over all its options and places (``Inserter.choose``). The result
is kept if it is not much worse; how much falls with the temperature, so that the population first
finds which options go together and then balances the devices ever more finely.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.search.annealing.fill import fill
from shardplan.solve.search.annealing.insertion import Candidates, Inserter
from shardplan.solve.search.annealing.population import Population
from shardplan.solve.search.incumbent import Incumbent
from shardplan.solve.search.move import Move

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.search.move import Turn
    from shardplan.solve.search.record import Record


_TELLINGS = 8
"""How often an annealing tells of what is better, at most."""


@dataclass(frozen=True, slots=True)
class Annealing(Move):
    """Anneal a population of placements around the best one, on small problems."""

    name: ClassVar[str] = "annealing"

    most_places: int = 1_000
    """Items times devices up to which it is worth its time in the first pass."""
    steps: int = 100
    """In the first restart of a pass; each has this many more than the one before."""
    population_cells: int = 25_000
    """About how many numbers a step touches: large enough to hide Python."""
    fewest_placements: int = 2
    most_placements: int = 48
    """Placements side by side."""
    hottest: float = 0.03
    """The first temperature, relative to the objective."""
    coldest: float = 1e-4
    """The last one."""
    ladder: tuple[float, float] = (0.5, 2.0)
    """From the coolest placement to the warmest one, relative to these temperatures."""
    insertion_heat: float = 0.3
    """Of items put back, relative to that of the whole step."""
    log2_exponents: tuple[int, int] = (3, 7)
    """The exponent of the power mean rises from the first to the second as the search cools."""
    largest_ruin: int = 3
    """The most items taken out at once."""
    overflow_price: float = 8.0
    """What a tier over by its whole capacity counts, in magnitudes of the objective."""

    def improve(self, record: Record, turn: Turn) -> None:
        """Search from the record's placement, if there is one, and from greedy ones beside it.

        There are to be few items on few devices, and more of them from pass to pass.
        """
        if record.place_count > self.most_places * max(1.0, turn.stretch):
            return
        record.reporter.starting("annealing")
        problem, allowed = record.problem, record.worth_drawing()
        mixes, known = bool(problem.mixable.any()), record.placement
        incumbent = Incumbent(np.inf if mixes else record.objective)

        def offer_early() -> None:
            if incumbent.placement is not None:
                record.offer(incumbent.placement, "annealing")

        cells = problem.device_count * problem.stage_count * allowed.sum() / problem.item_count
        size = np.clip(self.population_cells / cells, self.fewest_placements, self.most_placements)
        longer = 1 + turn.restart_of_pass / max(1.0, turn.stretch)
        anneal(
            problem,
            allowed,
            self,
            np.random.default_rng((record.budget.seed, turn.restart)),
            size=int(size),
            steps=round(self.steps * turn.stretch * longer),
            scale_seconds=record.scale_seconds,
            incumbent=incumbent,
            starts=[known.unmixed] if known is not None else [],
            should_stop=record.should_stop,
            on_better=offer_early,
        )
        if incumbent.placement is not None:
            record.offer_last(incumbent.placement, "annealing")


def anneal(
    problem: Problem,
    allowed: NDArray[np.bool_],
    params: Annealing,
    rng: np.random.Generator,
    *,
    size: int,
    steps: int,
    scale_seconds: float,
    incumbent: Incumbent,
    starts: Sequence[Placement] = (),
    should_stop: Callable[[], bool] = lambda: False,
    on_better: Callable[[], None] = lambda: None,
) -> None:
    """Anneal ``size`` placements over the ``allowed`` (O,) options, and tell ``incumbent``.

    ``scale_seconds`` is the magnitude of the objective: temperatures and the price of bytes over
    capacity are relative to it. ``starts`` replace some of the greedy first placements.
    ``on_better`` is told a few times on the way of what is better than before.
    """
    candidates = Candidates.of(problem, allowed)
    population = Population(problem, size)
    ladder = scale_seconds * np.geomspace(*params.ladder, size)
    first, last = params.log2_exponents
    inserters = {
        exponent: Inserter(
            problem,
            candidates,
            log2_exponent=exponent,
            penalty_seconds=params.overflow_price * scale_seconds,
        )
        for exponent in range(first, last + 1)
    }
    fill(inserters[first], population, params.hottest * ladder, rng, should_stop)
    for row, start in enumerate(starts):
        population.copy_in(row, start)
    told, telling = incumbent.objective, max(1, steps // _TELLINGS)
    for step in range(steps):
        if should_stop():
            break
        progress = step / steps
        exponent = first + round(progress * (last - first))
        heat = params.hottest * (params.coldest / params.hottest) ** progress * ladder
        _step(population, inserters[exponent], heat, params, rng)
        _offer(population, incumbent)
        if (step + 1) % telling == 0 and incumbent.objective < told:
            told = incumbent.objective
            on_better()


def _step(
    population: Population,
    inserter: Inserter,
    heat: NDArray[np.float64],
    params: Annealing,
    rng: np.random.Generator,
) -> None:
    before = inserter.scores(population)
    sums = (
        population.load.copy(),
        population.device_bytes.copy(),
        population.node_bytes.copy(),
        population.held.copy(),
    )
    uses = population.uses.copy()
    ruined = _ruin(population, int(rng.integers(1, params.largest_ruin + 1)), rng)
    undo = [(items, *population.remove(items)) for items in ruined]
    for items in ruined:
        population.insert(
            items, *inserter.choose(population, items, params.insertion_heat * heat, rng)
        )
    after = inserter.scores(population)
    reject = np.flatnonzero(after > before + heat * rng.exponential(size=len(heat)))
    for now, saved in zip(
        (population.load, population.device_bytes, population.node_bytes, population.held),
        sums,
        strict=True,
    ):
        now[reject] = saved[reject]
    population.uses[reject] = uses[reject]
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
