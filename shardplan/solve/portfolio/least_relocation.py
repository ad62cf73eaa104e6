"""Of placements that are good enough, one that moves little from a known one.

A population of placements is annealed from the known one, each at its own price of a byte that
moves: where bytes are dear, only the items go that gain most for theirs. What is good enough and
moves least is kept, and is where all of them begin again, at other prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.mixing.mixes_as_options import MixesAsOptions
from shardplan.solve.mixing.representatives import near_best
from shardplan.solve.portfolio.portfolio import prove_relaxation
from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.stages import merge_stages
from shardplan.solve.problem.variants import take
from shardplan.solve.search.annealing.annealing import Cooling
from shardplan.solve.search.annealing.population import Fares, Population
from shardplan.solve.search.record import Record
from shardplan.solve.search.search_params import SearchParams

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.solve.portfolio.limited_relocation import RelocationLimit
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.search.relocation_params import LeastRelocationParams
    from shardplan.solve.settings import Settings

_ROUNDING = 1e-9
"""Relative, of what is added up in another order."""


def relocate_least(
    problem: Problem,
    known: Placement,
    others: Sequence[Placement],
    moves: RelocationLimit,
    most_seconds: float,
    settings: Settings,
    reporter: Reporter,
) -> Placement | None:
    """A placement of at most ``most_seconds`` for which little moves; None without any.

    ``known`` is the placement for which least moves, and takes longer than that; ``others`` are
    some that may not. The limit of ``moves`` does not matter.
    """
    params = settings.search or SearchParams()
    record = Record(merge_stages(problem), settings.budget(), reporter)
    prove_relaxation(record, params)
    relaxation = record.relaxation
    # With one option more costly than that no placement is good enough.
    slack = (most_seconds - relaxation.lower_bound) * (1 + _ROUNDING)
    allowed = (relaxation.reduced_cost <= slack) & near_best(
        record.problem, relaxation, params.relocation.least.options_drawn
    )
    others = [each for each in others if each.weights is None]
    for each in others:
        allowed[each.option] = True
    search = _Search(record, known, allowed, moves, most_seconds, params.relocation.least)
    for each in others:
        search.offer_whole(each)
    return search.run()


@dataclass
class _Found:
    """A placement of the smaller problem that is good enough."""

    placement: Placement
    fare: float
    """What it moves."""


class _Search:
    """Annealing over some options, which are a smaller problem."""

    def __init__(
        self,
        record: Record,
        known: Placement,
        allowed: NDArray[np.bool_],
        moves: RelocationLimit,
        most_seconds: float,
        params: LeastRelocationParams,
    ) -> None:
        self._record, self._most, self._params = record, most_seconds, params
        self._mixes = MixesAsOptions.of(record.problem, known)
        self._option = np.flatnonzero(self._mixes.allowed(allowed))
        self._problem = take(self._mixes.problem, self._option)
        self._fares = moves.of_unit(self._mixes.source[self._option])
        self._known = self._smaller(self._mixes.start)
        self._best: _Found | None = None

    def offer_whole(self, placement: Placement) -> None:
        """Take a placement of the whole problem, without mixes, if it is good enough."""
        own = self._mixes.position_of(placement.option)
        self._offer(self._smaller(Placement(own, placement.unit_offsets, placement.targets)))

    def run(self) -> Placement | None:
        """Anneal series after series; the best of all in the whole problem's terms."""
        record, params = self._record, self._params
        for series in range(max(1, round(params.series * record.budget.effort))):
            if self._should_stop():
                break
            self._anneal(series)
            self._put_back()
        if self._best is None:
            return None
        found = self._best.placement
        whole = Placement(self._option[found.option], found.unit_offsets, found.targets)
        return self._mixes.placement(whole)

    def _anneal(self, series: int) -> None:
        problem, params = self._problem, self._params
        annealing, budget = params.annealing, self._record.budget
        cells = problem.device_count * problem.stage_count * problem.option_count
        size = np.clip(
            annealing.population_cells * problem.item_count / cells,
            annealing.fewest_placements,
            annealing.most_placements,
        )
        rate = self._rates(int(size))
        population = Population(problem, len(rate), Fares(self._fares, rate))
        for row in range(len(rate)):
            first = self._known if self._best is None or row % 2 else self._best.placement
            population.copy_in(row, first)
        every = np.ones(problem.option_count, dtype=bool)
        scale = self._record.scale_seconds
        cooling = Cooling(problem, every, annealing, len(rate), scale)
        rng = np.random.default_rng((budget.seed, series))
        steps = max(1, round(annealing.steps * budget.effort))
        for _ in cooling.steps(population, steps, rng, self._should_stop):
            self._look_at(population)

    def _rates(self, size: int) -> NDArray[np.float64]:
        """(R,): seconds for a byte: as many bytes as move now for what is lacking, or fewer."""
        lacking = evaluate(self._problem, self._known).objective - self._most
        most = self._best.fare if self._best else float(self._fares.max())
        return max(lacking, 0.0) / (most * np.geomspace(self._params.dearest, 1.0, size)).clip(1.0)

    def _look_at(self, population: Population) -> None:
        """Keep what is good enough and moves less than all before."""
        assert population.fares is not None
        fare = population.paid.sum(axis=1) / population.fares.rate.clip(1e-300)
        better = population.objectives() <= self._most
        if self._best is not None:
            better &= fare < self._best.fare * (1 - _ROUNDING)
        rows = np.flatnonzero(better)
        rows = rows[population.overflow()[rows] == 0.0]
        if len(rows):
            row = int(rows[fare[rows].argmin()])
            self._best = _Found(population.placement(row), float(fare[row]))

    def _offer(self, placement: Placement) -> bool:
        """Take a placement if it is good enough and moves less."""
        problem = self._problem
        fare = float(self._fare_of(placement).sum())
        if self._best is not None and fare >= self._best.fare:
            return False
        found = evaluate(problem, placement)
        if found.objective > self._most or not found.fits or not is_legal(problem, placement):
            return False
        self._best = _Found(placement, fare)
        return True

    def _put_back(self) -> None:
        """Let items be where they were as long as that leaves it good enough, most bytes first."""
        if self._best is None:
            return
        known, items = self._known, range(self._problem.item_count)
        fare = self._fare_of(self._best.placement)
        gained = fare - self._fare_of(known)
        for item in np.argsort(-gained, kind="stable")[: int((gained > 0).sum())].tolist():
            if self._should_stop():
                return
            now = self._best.placement
            option = now.option.copy()
            option[item] = known.option[item]
            targets = [(known if each == item else now).targets_of(each) for each in items]
            self._offer(Placement.of(option, targets))

    def _fare_of(self, placement: Placement) -> NDArray[np.float64]:
        """(I,): bytes that each item moves."""
        population = Population(self._problem, 1, Fares(self._fares, np.ones(1)))
        population.copy_in(0, placement)
        return population.paid[0]

    def _smaller(self, placement: Placement) -> Placement:
        option = np.searchsorted(self._option, placement.option)
        return Placement(option, placement.unit_offsets, placement.targets)

    def _should_stop(self) -> bool:
        """When time is up, or the user has had enough; what gap is proven does not matter."""
        self._record.reporter.ticking()
        budget = self._record.budget
        return budget.should_stop() or budget.deadline.is_over
