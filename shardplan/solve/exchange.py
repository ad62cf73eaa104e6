"""Balancing by exchange: devices are paired off, and every pair swaps or moves the best two units.

All pairs of a round are worked on at once as arrays, which makes the round's cost grow with the
number of devices but not its number of Python steps. Options stay as they are; only units that land
on single devices move. The yardstick is the sum of powers that also steers the search
(``insertion``): it is a sum over devices, so that what disjoint pairs gain adds up exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.placement import Evaluation, Placement, evaluate
from shardplan.solve.power import LARGEST_RATIO, raise_to
from shardplan.solve.problem import Problem, Shape

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

_CELLS = 2_000_000
"""About how many combinations of units one round looks at; the least balanced pairs go first."""


_PATIENCE = 12
"""Rounds without any exchange after which an exponent has nothing more to give."""
_OVERFLOW_PRICE = 8.0
"""What a tier over by its whole capacity counts, in objectives."""


@dataclass(frozen=True, slots=True)
class ExchangeParams:
    """How long to balance."""

    rounds: int = 400
    log2_exponents: tuple[int, ...] = (3, 5, 7, 8)
    """The exponents of the power mean, each for an equal share of the rounds."""


def exchange(
    problem: Problem,
    placement: Placement,
    params: ExchangeParams,
    rng: np.random.Generator,
    should_stop: Callable[[], bool] = lambda: False,
) -> Placement:
    """The placement after the exchanges; it fits if the one given does."""
    units = _Units(problem, placement)
    if len(units.option) == 0 or problem.device_count < 2:
        return placement
    per_exponent = max(1, params.rounds // len(params.log2_exponents))
    for log2_exponent in params.log2_exponents:
        idle = 0
        for number in range(per_exponent):
            if should_stop() or idle > _PATIENCE:
                break
            idle = 0 if units.round(log2_exponent, number % 2 == 0, rng) else idle + 1
    return units.placement()


class _Units:
    """Every unit that may move, where it is, and what the devices bear."""

    def __init__(self, problem: Problem, placement: Placement) -> None:
        self.problem, self._before = problem, placement
        item = np.repeat(np.arange(problem.item_count), np.diff(placement.unit_offsets))
        movable = problem.shape[placement.option[item]] == Shape.DEVICE
        for group in problem.apart:
            movable &= ~np.isin(item, group)
        self._position = np.flatnonzero(movable)
        self.option = placement.option[item[self._position]]
        self.device = placement.targets[self._position].copy()
        state: Evaluation = evaluate(problem, placement)
        self.load, self.device_bytes = state.load_seconds, state.device_bytes
        self.node_bytes = state.node_bytes
        # One more unit of nothing stands for "no unit": a swap with it is a move.
        nothing = np.zeros((1, problem.stage_count))
        self._load = np.vstack([problem.load_seconds[self.option], nothing])
        self._bytes = np.vstack(
            [problem.device_bytes[self.option], np.zeros((1, problem.device_bytes.shape[1]))]
        )
        self._shared = np.vstack(
            [problem.node_bytes[self.option], np.zeros((1, problem.node_bytes.shape[1]))]
        )
        self._restricted = not problem.domains.all()

    def placement(self) -> Placement:
        """Where the units are now."""
        targets = self._before.targets.copy()
        targets[self._position] = self.device
        offsets = self._before.unit_offsets
        return Placement.of(
            self._before.option,
            [targets[start:end] for start, end in pairwise(offsets.tolist())],
        )

    def round(self, log2_exponent: int, by_load: bool, rng: np.random.Generator) -> bool:
        """Pair the devices off and make each pair's best exchange; says whether any was made."""
        held = self._held()
        first, second = self._pairs(by_load, held.shape[1], rng)
        gain, choice = self._best(first, second, held, log2_exponent)
        better = np.flatnonzero(gain > 1e-12)
        if not len(better):
            return False
        width = held.shape[1]
        give = held[first[better], choice[better] // width]
        take = held[second[better], choice[better] % width]
        self._swap(first[better], second[better], give, take)
        return True

    def _held(self) -> NDArray[np.int64]:
        """(D, n + 1): the units on each device, padded with the unit of nothing."""
        order = np.argsort(self.device, kind="stable")
        counts = np.bincount(self.device, minlength=self.problem.device_count)
        held = np.full((self.problem.device_count, int(counts.max()) + 1), len(self.option))
        column = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        held[self.device[order], column] = order
        return held

    def _pairs(
        self, by_load: bool, width: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Disjoint pairs: the heaviest with the lightest in some stage, or at random."""
        devices = self.problem.device_count
        order = rng.permutation(devices)
        stage = int(rng.integers(self.problem.stage_count))
        if by_load:
            order = order[np.argsort(-self.load[order, stage], kind="stable")]
        half = devices // 2
        first, second = order[:half], order[::-1][:half]
        pressure = self.load / self.load.max(axis=0).clip(1e-300)
        rank = np.argsort(-np.maximum(pressure[first], pressure[second]).max(axis=1), kind="stable")
        most = max(1, _CELLS // (width * width * self.problem.stage_count))
        return first[rank[:most]], second[rank[:most]]

    def _best(
        self,
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        held: NDArray[np.int64],
        log2_exponent: int,
    ) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
        """(pairs,): the gain of each pair's best exchange, and which it is."""
        reference = self.load.max(axis=0).clip(1e-300)
        total = raise_to(self.load / reference, log2_exponent).mean(axis=0)
        slope = reference * total.clip(1e-30) ** (1.0 / (1 << log2_exponent) - 1.0)
        give, take = self._load[held[first]], self._load[held[second]]
        shift = take[:, None] - give[:, :, None]
        here, there = self.load[first], self.load[second]
        after = raise_to(_ratio(here[:, None, None] + shift, reference), log2_exponent)
        after += raise_to(_ratio(there[:, None, None] - shift, reference), log2_exponent)
        before = raise_to(here / reference, log2_exponent)
        before += raise_to(there / reference, log2_exponent)
        gain = (before @ slope)[:, None, None] - after @ slope
        gain += _OVERFLOW_PRICE * slope.sum() * self._relief(first, second, held)
        gain[~self._allowed(first, second, held)] = -np.inf
        gain = gain.reshape(len(first), -1)
        choice = gain.argmax(axis=1)
        # The scale of a gain is that of the slopes; relative to the reference it is a pure number.
        return gain[np.arange(len(first)), choice] / slope.sum(), choice

    def _allowed(
        self, first: NDArray[np.int64], second: NDArray[np.int64], held: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """(pairs, n + 1, n + 1): exchanges that keep within capacities and domains."""
        problem = self.problem
        shift = self._bytes[held[second]][:, None] - self._bytes[held[first]][:, :, None]
        room_first = (problem.device_capacity - self.device_bytes)[first]
        room_second = (problem.device_capacity - self.device_bytes)[second]
        # A tier that is over already may stay so, but not get worse.
        allowed = np.ones(shift.shape[:3], dtype=bool)
        allowed &= (shift <= room_first.clip(min=0.0)[:, None, None]).all(axis=3)
        allowed &= (-shift <= room_second.clip(min=0.0)[:, None, None]).all(axis=3)
        if self._shared.any():
            # Every device is in one pair at most: each may claim its share of the node's room.
            node_room = (problem.node_capacity - self.node_bytes).clip(min=0.0)
            node_room = node_room / problem.devices_per_node
            shared = self._shared[held[second]][:, None] - self._shared[held[first]][:, :, None]
            nodes = first // problem.devices_per_node, second // problem.devices_per_node
            apart = (nodes[0] != nodes[1])[:, None, None]
            ok = (shared <= node_room[nodes[0]][:, None, None]).all(axis=3)
            ok &= (-shared <= node_room[nodes[1]][:, None, None]).all(axis=3)
            allowed &= ok | ~apart
        if self._restricted:
            allowed &= self._inside(held[first], second)[:, :, None]
            allowed &= self._inside(held[second], first)[:, None, :]
        return allowed

    def _relief(
        self, first: NDArray[np.int64], second: NDArray[np.int64], held: NDArray[np.int64]
    ) -> NDArray[np.float64] | float:
        """(pairs, n + 1, n + 1): by how much of their capacity the two are less over it."""
        room = self.problem.device_capacity - self.device_bytes
        if (room >= 0.0).all():
            return 0.0
        scale = self.problem.device_capacity.max(axis=0).clip(min=1.0)
        shift = self._bytes[held[second]][:, None] - self._bytes[held[first]][:, :, None]
        relief = np.zeros(shift.shape)
        for devices, change in ((first, shift), (second, -shift)):
            left = room[devices][:, None, None]
            relief += (np.maximum(-left, 0.0) - np.maximum(change - left, 0.0)) / scale
        total: NDArray[np.float64] = relief.sum(axis=3)
        return total

    def _inside(self, units: NDArray[np.int64], to: NDArray[np.int64]) -> NDArray[np.bool_]:
        """(pairs, n + 1): whether a unit may land on the pair's other device."""
        domain = np.append(self.problem.domain[self.option], -1)[units]
        inside: NDArray[np.bool_] = self.problem.domains[domain, to[:, None]]
        return inside | (domain < 0)

    def _swap(
        self,
        first: NDArray[np.int64],
        second: NDArray[np.int64],
        give: NDArray[np.int64],
        take: NDArray[np.int64],
    ) -> None:
        per_node = self.problem.devices_per_node
        for total, per_unit, places in (
            (self.load, self._load, (first, second)),
            (self.device_bytes, self._bytes, (first, second)),
            (self.node_bytes, self._shared, (first // per_node, second // per_node)),
        ):
            np.add.at(total, places[0], per_unit[take] - per_unit[give])
            np.add.at(total, places[1], per_unit[give] - per_unit[take])
        nothing = len(self.option)
        self.device[give[give < nothing]] = second[give < nothing]
        self.device[take[take < nothing]] = first[take < nothing]


def _ratio(load: NDArray[np.float64], reference: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio: NDArray[np.float64] = load / reference
    return np.clip(ratio, 0.0, LARGEST_RATIO, out=ratio)
