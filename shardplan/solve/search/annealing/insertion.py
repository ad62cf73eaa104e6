"""The best way to put one item back, over all its options and places, for a whole population.

The true objective is flat almost everywhere: only the slowest device of a stage counts. The search
therefore steers by a smooth stand-in, the power mean over devices of each stage's load, which tends
to the maximum as its exponent grows. Around the present state it is separable over devices, so that
the k best places for the k units of an option are the k devices with the least marginal cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.power_mean import LARGEST_RATIO, PowerMean
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.search.annealing.population import NO_GROUP, Population

if TYPE_CHECKING:
    from numpy.typing import NDArray


_LEAST_MEAN = 1e-30
"""Of a stage without any load, so that its slope is finite."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The options that may be tried, padded to the longest list: arrays (I, n)."""

    option: NDArray[np.int64]
    exists: NDArray[np.bool_]

    @classmethod
    def of(cls, problem: Problem, allowed: NDArray[np.bool_]) -> Candidates:
        """The ``allowed`` (O,) options of each item; every item must have one."""
        options = np.flatnonzero(allowed)
        item = problem.item_of_option[options]
        counts = np.bincount(item, minlength=problem.item_count)
        position = np.arange(len(options)) - np.repeat(np.cumsum(counts) - counts, counts)
        first = options[np.cumsum(counts) - counts]
        option = np.repeat(first[:, None], int(counts.max()), axis=1)
        exists = np.zeros(option.shape, dtype=bool)
        option[item, position], exists[item, position] = options, True
        return cls(option, exists)


class Inserter:
    """Scores populations and insertions under one exponent of the power mean.

    ``penalty_seconds`` is what a tier that is over by its whole capacity adds to a score.
    """

    def __init__(
        self,
        problem: Problem,
        candidates: Candidates,
        *,
        log2_exponent: int,
        penalty_seconds: float,
    ) -> None:
        self.problem, self.candidates = problem, candidates
        self.penalty_seconds = penalty_seconds
        self._mean = PowerMean(log2_exponent, problem.device_count)
        self._device_scale = 1.0 / problem.device_capacity.clip(min=1.0)
        self._node_scale = 1.0 / problem.node_capacity.clip(min=1.0)

    def scores(self, population: Population) -> NDArray[np.float64]:
        """(R,): the smooth objective and the penalty for bytes over capacity; lower is better."""
        reference, _, power = self._mean.powers(population.load)
        smooth = self._smooth(power.sum(axis=1), reference, population.uses)
        return smooth + self.penalty_seconds * population.overflow()

    def choose(
        self,
        population: Population,
        items: NDArray[np.int64],
        noise_seconds: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
        """(R,) options and (R, D) counts for item ``items[r]`` of each placement, not yet placed.

        Places and options are ranked by cost plus Gumbel noise of scale ``noise_seconds`` (R,):
        none gives the best insertion, some a draw that favours good ones, as a heat bath does.
        """
        problem = self.problem
        options, exists = self.candidates.option[items], self.candidates.exists[items]
        shape = problem.shape[options]
        reference, ratio, power = self._mean.powers(population.load)
        total = power.sum(axis=1)
        growth = self._growth(problem.load_seconds[options], ratio, reference, power)
        if problem.has_spill:
            spilt = self._growth(problem.spill_seconds[options], ratio, reference, power)
            growth += self._neighbours(spilt)
        memory = self._memory(population, options, shape)
        mean = (total / problem.device_count).clip(_LEAST_MEAN)
        slope = self._mean.slope(mean, reference)
        marginal = np.einsum("rnds,rs->rnd", growth, slope) + memory
        marginal -= noise_seconds[:, None, None] * rng.gumbel(size=marginal.shape)
        count = self._fill(population, items, options, shape, marginal)

        after = total[:, None] + np.einsum("rnds,rnd->rns", growth, count)
        uses = population.uses[:, None] + self.problem.objective.uses(options[:, :, None])
        score = self._smooth(after, reference[:, None], uses) + (memory * count).sum(axis=2)
        score -= noise_seconds[:, None] * rng.gumbel(size=score.shape)
        score[~exists | ~count.any(axis=2)] = np.inf
        best = score.argmin(axis=1)
        rows = np.arange(population.size)
        return options[rows, best], count[rows, best].astype(np.uint16)

    def _growth(
        self,
        unit_seconds: NDArray[np.float64],
        ratio: NDArray[np.float64],
        reference: NDArray[np.float64],
        power: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """(R, n, D, S): by how much ``unit_seconds`` (R, n, S) raise each device's power."""
        unit = unit_seconds / reference[:, None]
        after = np.minimum(ratio[:, None] + unit[:, :, None], LARGEST_RATIO)
        growth: NDArray[np.float64] = self._mean.raised(after) - power[:, None]
        return growth

    def _neighbours(self, growth: NDArray[np.float64]) -> NDArray[np.float64]:
        """(R, n, D, S): the sum over the other devices of each one's node."""
        by_node = growth.reshape(*growth.shape[:2], self.problem.node_count, -1, growth.shape[3])
        others: NDArray[np.float64] = by_node.sum(axis=3, keepdims=True) - by_node
        return others.reshape(growth.shape)

    def _smooth(
        self,
        power: NDArray[np.float64],
        reference: NDArray[np.float64],
        uses: NDArray[np.int32],
    ) -> NDArray[np.float64]:
        """(...): the smooth objective from (..., S) sums of powers and (..., G) ``uses``."""
        mean = self._mean.seconds(power / self.problem.device_count, reference)
        objective = self.problem.objective
        if objective.charges is not None:
            mean = mean + objective.paid_seconds(uses)
        return objective.smooth(mean)

    def _memory(
        self, population: Population, options: NDArray[np.int64], shape: NDArray[np.int8]
    ) -> NDArray[np.float64]:
        """(R, n, D): seconds of penalty per unit on each device, which share their node's."""
        problem = self.problem
        room = (problem.device_capacity - population.device_bytes) * self._device_scale
        need = problem.device_bytes[options][:, :, None] * self._device_scale
        over = _hinge(need, room[:, None])
        node_room = (problem.node_capacity - population.node_bytes) * self._node_scale
        node_need = problem.node_bytes[options][:, :, None] * self._node_scale
        node_over = np.repeat(_hinge(node_need, node_room[:, None]), problem.devices_per_node, 2)
        share = np.where(shape == Shape.DEVICE, 1.0, 1.0 / problem.devices_per_node)
        return self.penalty_seconds * (over + node_over * share[:, :, None])

    def _fill(
        self,
        population: Population,
        items: NDArray[np.int64],
        options: NDArray[np.int64],
        shape: NDArray[np.int8],
        marginal: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """(R, n, D): the units that each option puts on each device; all 0 where none may land."""
        problem = self.problem
        closed = ~problem.domains[problem.domain[options]]
        if problem.apart:
            group = population.group_of[items]
            held = np.take_along_axis(population.held, np.maximum(group, 0)[:, None, None], axis=2)[
                :, :, 0
            ]
            closed |= ((group != NO_GROUP)[:, None] & (held > 0))[:, None]
        marginal = np.where(closed, np.inf, marginal)
        if (shape == Shape.NODE).any():
            by_node = marginal.reshape(*marginal.shape[:2], problem.node_count, -1).sum(axis=3)
            spread = np.repeat(by_node, problem.devices_per_node, axis=2)
            marginal = np.where((shape == Shape.NODE)[:, :, None], spread, marginal)
        # Devices of a node tie; a stable sort keeps them together, so that nodes fill as wholes.
        order = np.argsort(marginal, axis=2, kind="stable")
        open_ = np.isfinite(marginal).sum(axis=2)
        width = np.where(shape == Shape.NODE, problem.devices_per_node, 1)
        wanted = problem.units[options] * width
        wanted = np.where(shape == Shape.ALL, problem.device_count, wanted)
        # More units than places: full rounds over all open places, the rest on the cheapest.
        rounds, rest = np.divmod(wanted, np.maximum(open_, 1))
        rank = np.arange(problem.device_count)
        ranked = rounds[:, :, None] * (rank < open_[:, :, None]) + (rank < rest[:, :, None])
        count = np.zeros(marginal.shape)
        np.put_along_axis(count, order, np.where(open_[:, :, None] > 0, ranked, 0), axis=2)
        return count


def _hinge(need: NDArray[np.float64], room: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much more than before tiers are over, summed over tiers (the last axis)."""
    over: NDArray[np.float64] = (np.maximum(need - room, 0.0) - np.maximum(-room, 0.0)).sum(axis=-1)
    return over
