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
from shardplan.solve.search.move import Move, When

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.search.move import Turn
    from shardplan.solve.search.record import Record

_PAID_SHARE = 0.5
"""Of the items from anywhere, in how many placements they are those that have paid a fare."""


@dataclass(frozen=True, slots=True)
class Annealing(Move):
    """Anneal a population of placements around the best one, on small problems."""

    name: ClassVar[str] = "annealing"

    most_places: int = 1_000
    """Items times devices up to which it is worth its time."""
    steps: int = 300
    """In the first restart; each has this many more than the one before."""
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

    def supports(self, problem: Problem) -> bool:
        """Few items on few devices."""
        return problem.item_count * problem.device_count <= self.most_places

    def improve(self, record: Record, turn: Turn) -> None:
        """Search from the record's placement, if there is one, and from greedy ones beside it."""
        record.reporter.starting("annealing")
        problem, allowed = record.problem, record.worth_drawing()
        mixes, known = bool(problem.mixable.any()), record.placement
        incumbent = Incumbent(np.inf if mixes else record.objective)
        cells = problem.device_count * problem.stage_count * allowed.sum() / problem.item_count
        size = np.clip(self.population_cells / cells, self.fewest_placements, self.most_placements)
        anneal(
            problem,
            allowed,
            self,
            np.random.default_rng((record.budget.seed, turn.restart)),
            size=int(size),
            steps=round(self.steps * record.budget.effort * (turn.restart + 1)),
            scale_seconds=record.scale_seconds,
            incumbent=incumbent,
            starts=[known.unmixed] if known is not None else [],
            should_stop=record.should_stop,
        )
        if incumbent.placement is not None:
            record.offer(incumbent.placement, "annealing")


@dataclass(frozen=True, slots=True)
class EarlyAnnealing(Annealing):
    """A short one before all else, where options can be mixed and all is far from good.

    It finds which options go together in much less time than a fresh start takes there.
    """

    name: ClassVar[str] = "early_annealing"
    when: ClassVar[When] = When.START

    steps: int = 150

    def supports(self, problem: Problem) -> bool:
        """Few items on few devices, and some of their options can be mixed."""
        return Annealing.supports(self, problem) and bool(problem.mixable.any())

    def improve(self, record: Record, turn: Turn) -> None:
        """Anneal, unless what is known is good enough to go on from."""
        if record.is_far:
            Annealing.improve(self, record, turn)


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
) -> None:
    """Anneal ``size`` placements over the ``allowed`` (O,) options, and tell ``incumbent``.

    ``scale_seconds`` is the magnitude of the objective: temperatures and the price of bytes over
    capacity are relative to it. ``starts`` replace some of the greedy first placements.
    """
    population = Population(problem, size)
    cooling = Cooling(problem, allowed, params, size, scale_seconds)
    fill(cooling.inserters[0], population, cooling.heat(0.0), rng, should_stop)
    for row, start in enumerate(starts):
        population.copy_in(row, start)
    for _ in cooling.steps(population, steps, rng, should_stop):
        _offer(population, incumbent)


class Cooling:
    """Steps of annealing, ever cooler, of populations of ``size`` placements.

    ``scale_seconds`` is as for ``anneal``, and ``allowed`` (O,) too.
    """

    def __init__(
        self,
        problem: Problem,
        allowed: NDArray[np.bool_],
        params: Annealing,
        size: int,
        scale_seconds: float,
    ) -> None:
        self._params = params
        self._ladder = scale_seconds * np.geomspace(*params.ladder, size)
        candidates = Candidates.of(problem, allowed)
        first, last = params.log2_exponents
        self.inserters = [
            Inserter(
                problem,
                candidates,
                log2_exponent=exponent,
                penalty_seconds=params.overflow_price * scale_seconds,
            )
            for exponent in range(first, last + 1)
        ]
        """The smoothest objective first."""

    def heat(self, progress: float) -> NDArray[np.float64]:
        """(R,): seconds, once that share of all steps is made."""
        params = self._params
        cooled: float = params.hottest * (params.coldest / params.hottest) ** progress
        return cooled * self._ladder

    def steps(
        self,
        population: Population,
        count: int,
        rng: np.random.Generator,
        should_stop: Callable[[], bool],
    ) -> Iterator[None]:
        """Make ``count`` steps, one at a time, unless it is time to stop."""
        for step in range(count):
            if should_stop():
                return
            progress = step / count
            inserter = self.inserters[round(progress * (len(self.inserters) - 1))]
            _step(population, inserter, self.heat(progress), self._params, rng)
            yield


def _step(
    population: Population,
    inserter: Inserter,
    heat: NDArray[np.float64],
    params: Annealing,
    rng: np.random.Generator,
) -> None:
    before, sums = inserter.scores(population), population.sums()
    ruined = _ruin(population, int(rng.integers(1, params.largest_ruin + 1)), rng)
    removed = [(items, *population.remove(items)) for items in ruined]
    for items in ruined:
        population.insert(
            items, *inserter.choose(population, items, params.insertion_heat * heat, rng)
        )
    after = inserter.scores(population)
    reject = np.flatnonzero(after > before + heat * rng.exponential(size=len(heat)))
    population.go_back(reject, sums, removed)


def _ruin(
    population: Population, how_many: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Distinct items per placement: every other one from the slowest device of some stage.

    Where there are fares, half of the others have paid.
    """
    problem, rows = population.problem, np.arange(population.size)
    keys = rng.random(population.option.shape)
    stage = rng.integers(problem.stage_count, size=population.size)
    slowest = population.load[rows, :, stage].argmax(axis=1)
    on_slowest = population.count[rows, :, slowest] > 0
    on_slowest &= problem.shape[population.option] != Shape.ALL
    has_paid = population.paid > 0
    if population.fares is not None:
        has_paid &= rng.random((population.size, 1)) < _PAID_SHARE
    ruined = []
    for turn in range(min(how_many, problem.item_count)):
        prefer = keys + (on_slowest if (turn + how_many) % 2 else has_paid)
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
