"""Placements that do not fit, mended: one item after another is put back where there is room.

Rounded options leave memory in total, but a device that holds its part of every all-device option
may have no room for the unit of another one. Seldom more than a few items have to be cut otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.search.annealing.insertion import Candidates, Inserter
from shardplan.solve.search.annealing.population import Population

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.search.record import Record

_LEAST_SECONDS = 1e-12
"""What a bound of nothing counts as, where prices are relative to it."""


@dataclass(frozen=True, slots=True)
class MendParams:
    """How long to mend, and at which price of bytes that do not fit."""

    changes: int = 200
    """Items put back, at most."""
    tries: int = 12
    """Items of full places that are tried for each; the one that gains most is put back."""
    log2_exponent: int = 4
    """Of the power mean that stands for the slowest device."""
    overflow_price: float = 8.0
    """What a tier over by its whole capacity counts at first, in lower bounds; ..."""
    price_growth: float = 4.0
    """... how much more whenever nothing gains, ..."""
    growths: int = 6
    """... and how often, at most."""
    least_gain: float = 1e-4
    """Relatively: what less is no gain."""


def mend(
    record: Record, start: Placement, allowed: NDArray[np.bool_], params: MendParams
) -> Placement:
    """Put back items of full places as ``allowed`` (O,) options, until all fits or nothing gains.

    Once all fits, any item is put back where that makes the slowest devices faster.
    """
    mending = _Mending(record, start, allowed, params)
    growths = 0
    for _ in range(params.changes):
        if mending.improve() or record.is_overdue():
            continue
        if mending.fits or growths == params.growths:
            break
        growths += 1
        mending.grow_price()
    return mending.population.placement(0)


class _Mending:
    """The placement as it stands, and what bytes over capacity cost."""

    def __init__(
        self, record: Record, start: Placement, allowed: NDArray[np.bool_], params: MendParams
    ) -> None:
        self._record, self._params = record, params
        self._candidates = Candidates.of(record.problem, allowed)
        self._price = params.overflow_price * max(record.relaxation.lower_bound, _LEAST_SECONDS)
        self._rng = np.random.default_rng(0)
        self.population = Population(record.problem, 1)
        self.population.copy_in(0, start.unmixed)
        self._inserter = self._with_price()

    @property
    def fits(self) -> bool:
        """Whether all bytes do, and every item has its places."""
        return not self.population.overflow()[0]

    def grow_price(self) -> None:
        """Bytes over capacity cost more from here on."""
        self._price *= self._params.price_growth
        self._inserter = self._with_price()

    def improve(self) -> bool:
        """Put back the item of which that gains most; whether any did."""
        items = _by_need(self.population, self.fits)[: self._params.tries]
        best_score = float(self._inserter.scores(self.population)[0])
        best_score -= self._params.least_gain * abs(best_score)
        best = None
        for item in items.tolist():
            if self._record.is_overdue():
                return False
            before = self.population.remove(np.array([item]))
            found = self._inserter.choose(self.population, np.array([item]), np.zeros(1), self._rng)
            score = self._score_with(item, found)
            if score < best_score:
                best_score, best = score, (item, found)
            self.population.insert(np.array([item]), *before)
        if best is None:
            return False
        self.population.remove(np.array([best[0]]))
        self.population.insert(np.array([best[0]]), *best[1])
        return True

    def _score_with(self, item: int, found: tuple[NDArray[np.int64], NDArray[np.uint16]]) -> float:
        self.population.insert(np.array([item]), *found)
        score = float(self._inserter.scores(self.population)[0])
        self.population.remove(np.array([item]))
        return score

    def _with_price(self) -> Inserter:
        return Inserter(
            self._record.problem,
            self._candidates,
            log2_exponent=self._params.log2_exponent,
            penalty_seconds=self._price,
        )


def _by_need(population: Population, fits: bool) -> NDArray[np.int64]:
    """Items of places that are too full, those that take most there first; of slow devices where
    nothing is too full."""
    problem, option = population.problem, population.option[0]
    count = population.count[0].astype(np.float64)
    if fits:
        load = population.load[0]
        slow = (load / load.max(axis=0).clip(min=_LEAST_SECONDS)) ** 16
        taken = (count @ slow * problem.load_seconds[option]).sum(axis=1)
    else:
        over = population.device_bytes[0] / problem.device_capacity.clip(min=1.0) - 1
        node_over = population.node_bytes[0] / problem.node_capacity.clip(min=1.0) - 1
        per_device = np.repeat(node_over.clip(min=0.0), problem.devices_per_node, axis=0)
        taken = (count @ over.clip(min=0.0) * problem.device_bytes[option]).sum(axis=1)
        taken += (count @ per_device * problem.node_bytes[option]).sum(axis=1)
        taken += (~count.any(axis=1) | problem.is_apart) * 1.0
    order = np.argsort(-taken, kind="stable")
    needy: NDArray[np.int64] = order[taken[order] > 0]
    return needy
