"""The smooth objective of all combinations of changes that pairs of places may make.

The true objective is flat almost everywhere: only the slowest device of a stage counts. Its smooth
stand-in is the power mean over devices of each stage's load, a sum over devices under a root: what
disjoint pairs gain adds up, and since a root is concave its tangent, which is what is weighed here,
never promises more than the pairs gain together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.in_order import sum_in_order
from shardplan.solve.problem.power_mean import PowerMean
from shardplan.solve.problem.problem import Shape
from shardplan.solve.search.repartition.array_loops import (
    combined,
    put_changes,
    seconds_of_combinations,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.search.repartition.chance import Dice
    from shardplan.solve.search.repartition.copies import Copies
    from shardplan.solve.search.repartition.pair_changes import PairChanges, Pairs

_LARGEST_LOG10 = 25.0
"""Powers stay below it, within 32 bits: loads that would go beyond are all equally bad."""
_LARGEST_RATIO = 1e3
"""The same for exponents so small that powers alone would allow more."""
_CELLS = 8_000_000
"""About how many numbers are in memory at once."""
_ONCE = np.zeros((0, 0, 0, 0), dtype=np.float32)
"""Loads that stand for one device each."""


class PairObjective:
    """The smooth objective around the loads that copies have now."""

    def __init__(self, copies: Copies, log2_exponent: int, overflow_price: float) -> None:
        self._copies = copies
        self._mean = PowerMean(log2_exponent, copies.problem.device_count)
        self.squarings = log2_exponent
        self.largest = largest_ratio(log2_exponent)
        self.reference, _, power = self._mean.powers(copies.load)
        """(R, S): the unit that loads are measured in."""
        problem = copies.problem
        stages = self.reference + problem.objective.paid_seconds(copies.uses)
        weight = problem.objective.stage_weights(stages)
        # The slowest device alone gives one part in D; a stage without any load gives nothing.
        devices = self._mean.devices
        mean = (sum_in_order(power, axis=1) / devices).clip(1.0 / devices)
        self.slope = self._mean.slope(mean, self.reference * weight).astype(np.float32)
        """(R, S): seconds of the smooth objective per unit of a stage's sum of powers."""
        charges = problem.objective.charges
        self.charge = weight[:, :0]
        """(R, G): seconds of the smooth objective that each group costs."""
        if charges is not None:
            self.charge = sum_in_order(weight[:, None] * charges.seconds, axis=2)
        self.price = (overflow_price * sum_in_order(self.reference, axis=1)).astype(np.float32)
        """(R,): seconds for a tier that is over by its whole capacity."""

    def choose(
        self, changes: PairChanges, pairs: Pairs, heat_seconds: float, dice: Dice
    ) -> NDArray[np.bool_]:
        """(n,): the changes of the best combination of each pair.

        Combinations are ranked by seconds plus Gumbel noise of the scale ``heat_seconds``, as a
        heat bath does.
        """
        count = 1 << (int(changes.rank.max(initial=-1)) + 1)
        own = 1 << np.bincount(changes.pair, minlength=len(pairs.places))
        chosen = np.zeros(len(pairs.places), dtype=np.int64)
        problem = self._copies.problem
        width = problem.devices_per_node if pairs.shape is Shape.NODE else 1
        at_once = max(1, _CELLS // (count * 2 * width * problem.stage_count))
        for first in range(0, len(chosen), at_once):
            some = slice(first, first + at_once)
            score = _Pooled(self._copies, changes, pairs, some, count).scores(self)
            if heat_seconds > 0.0:
                number = np.arange(len(chosen))[some]
                score += np.float32(heat_seconds) * dice.noise(number, count)
            score[np.arange(count) >= own[some, None]] = np.inf
            chosen[some] = score.argmin(axis=1)
        taken: NDArray[np.bool_] = ((chosen[changes.pair] >> changes.rank) & 1).astype(bool)
        return taken

    def seconds(
        self,
        copy: NDArray[np.int64],
        base: NDArray[np.float64],
        change: NDArray[np.float64],
        times: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float32]:
        """(G, 2 ** K): seconds that the devices of each pair add to the smooth objective.

        From (G, 2, width, S) loads at present and (G, K, 2, S) changes of them; each load stands
        for that many, ``times`` (G, 2, width, S), all by default for one.
        """
        unit = self.reference[copy][:, None, None]
        return seconds_of_combinations(
            (base / unit).astype(np.float32),
            (change / unit).astype(np.float32),
            _ONCE if times is None else times.astype(np.float32),
            self.slope[copy],
            self.largest,
            self.squarings,
        )

    def fullest(
        self, copy: NDArray[np.int64], load: NDArray[np.float64], counted: NDArray[np.bool_]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(G, 2, 1, S) each: the longest of the ``counted`` (G, 2, width) loads, and for how many
        of it all of them stand in the sum of powers."""
        unit = self.reference[copy][:, None, None]
        ratio = np.where(counted[..., None], load / unit, 0.0)
        most = ratio.max(axis=2, keepdims=True)
        relative = np.where(counted[..., None], ratio / most.clip(1e-30), 0.0)
        times = sum_in_order(self._mean.raised(relative), axis=2)[:, :, None]
        idle = counted.sum(axis=2)[:, :, None, None]
        return most * unit, np.where(most > 0.0, times, idle)

    def beside(self, changes: PairChanges, pairs: Pairs) -> NDArray[np.float64] | None:
        """(n,): seconds that each change costs beside what its pair bears; None for nothing."""
        found = self._charged(changes)
        fares = self._copies.fares
        if fares is not None:
            more = changes.fares(fares, pairs, self._copies.problem.devices_per_node)
            more *= fares.rate[changes.copy]
            found = more if found is None else found + more
        return found

    def _charged(self, changes: PairChanges) -> NDArray[np.float64] | None:
        """(n,): seconds that each change would cost alone for groups that it opens, less those of
        groups that it closes; None where nothing is charged for.

        Changes that open a group together pay for it each: of a pair, one does it first.
        """
        charges = self._copies.problem.objective.charges
        if charges is None:
            return None
        uses = self._copies.uses[changes.copy]
        before, after = charges.of_option[changes.old], charges.of_option[changes.new]
        opened = after & (uses == 0)
        closed = before & ~after & (uses == 1)
        sign = opened.astype(np.int8) - closed.astype(np.int8)
        return sum_in_order(sign * self.charge[changes.copy], axis=1)


def largest_ratio(log2_exponent: int) -> np.float32:
    """Where loads over their reference are cut off."""
    return np.float32(min(10.0 ** (_LARGEST_LOG10 / (1 << log2_exponent)), _LARGEST_RATIO))


class _Pooled:
    """Some pairs of places and what they bear, now and after every combination of changes."""

    def __init__(
        self,
        copies: Copies,
        changes: PairChanges,
        pairs: Pairs,
        some: slice,
        combinations: int,
    ) -> None:
        self._copies, self._pairs = copies, pairs
        self._most = combinations.bit_length() - 1
        self._places = pairs.places[some]
        self._on_nodes = pairs.shape is Shape.NODE
        inside = (changes.pair >= some.start) & (changes.pair < some.stop)
        self._changes = changes if inside.all() else changes.only(inside)
        self._pair = self._changes.pair - some.start
        per_copy = len(pairs.places) // copies.count
        self._copy = (some.start + np.arange(len(self._places))) // max(per_copy, 1)
        width = copies.problem.devices_per_node if self._on_nodes else 1
        self._devices = self._places[:, :, None] * width + np.arange(width)

    def scores(self, objective: PairObjective) -> NDArray[np.float32]:
        """(G, 2 ** K): seconds and the price of bytes over capacity."""
        copies, problem = self._copies, self._copies.problem
        change = self._change(problem.load_seconds)
        beyond = None
        if problem.has_spill and not self._on_nodes:
            beyond = self._spill(objective, change, problem.spill_seconds)
        base = copies.load[self._copy[:, None, None], self._devices]
        score = objective.seconds(self._copy, base, change)
        if beyond is not None:
            score += beyond
        beside = objective.beside(self._changes, self._pairs)
        if beside is not None and beside.any():
            extra = np.zeros((len(self._places), self._most, 1, 1), dtype=np.float32)
            extra[self._pair, self._changes.rank, 0, 0] = beside
            nothing = np.zeros((len(self._places), 1, 1, 1), dtype=np.float32)
            score += combined(nothing, extra)[:, :, 0, 0, 0]
        price = objective.price[self._copy]
        bytes_ = copies.device_bytes[self._copy[:, None, None], self._devices]
        capacity = problem.device_capacity[self._devices]
        self._charge(score, price, bytes_, self._change(problem.device_bytes), capacity)
        self._charge(score, price, *self._shared())
        return score

    def _change(self, per_unit: NDArray[np.float64]) -> NDArray[np.float64]:
        """(G, K, 2, n): what each change adds to each side, of (O, n) per unit."""
        changes = self._changes
        total = np.zeros((len(self._places), self._most, 2, per_unit.shape[1]))
        put_changes(
            total,
            self._pair,
            changes.rank,
            changes.old,
            changes.new,
            changes.before,
            changes.after,
            per_unit,
        )
        return total

    def _spill(
        self, objective: PairObjective, change: NDArray[np.float64], spill: NDArray[np.float64]
    ) -> NDArray[np.float32]:
        """(G, 2 ** K): seconds of the devices outside each pair, on which its units spill.

        The fullest of a node stands for all of them. What units spill on the other device of the
        pair is added to ``change`` (G, K, 2, S).
        """
        problem, copy = self._copies.problem, self._copy[:, None, None]
        each = problem.devices_per_node
        spilt = self._change(spill)
        node = self._places // each
        together = node[:, 0] == node[:, 1]
        change[together] += spilt[together][:, :, ::-1]
        spilt[together] = spilt[together].sum(axis=2, keepdims=True)
        devices = node[:, :, None] * each + np.arange(each)
        counted = (devices[:, :, None] != self._places[:, None, :, None]).all(axis=2)
        counted[together, 1] = False  # the same devices as on the other side
        base, times = objective.fullest(self._copy, self._copies.load[copy, devices], counted)
        return objective.seconds(self._copy, base, spilt, times)

    def _shared(
        self,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Bytes, changes and capacity of the nodes' tiers, as ``_charge`` wants them.

        Every device is in one pair: each may claim an even share of its node's free room.
        """
        problem = self._copies.problem
        node = self._places if self._on_nodes else self._places // problem.devices_per_node
        bytes_ = self._copies.node_bytes[self._copy[:, None], node]
        capacity = problem.node_capacity[node]
        change = self._change(problem.node_bytes)
        if not self._on_nodes:
            change[node[:, 0] == node[:, 1]] = 0.0
            free = capacity - bytes_
            capacity = np.where(free > 0.0, bytes_ + free / problem.devices_per_node, capacity)
        return bytes_[:, :, None], change, capacity[:, :, None]

    def _charge(
        self,
        score: NDArray[np.float32],
        price: NDArray[np.float32],
        bytes_: NDArray[np.float64],
        change: NDArray[np.float64],
        capacity: NDArray[np.float64],
    ) -> None:
        """Add to ``score`` the price of bytes over capacity, (G, 2, width, tiers) each."""
        if not self._most or not change.size:
            return
        most = bytes_ + sum_in_order(change.clip(min=0.0), axis=1)[:, :, None]
        tight = np.flatnonzero((most > capacity).any(axis=(1, 2, 3)))
        if not len(tight):
            return
        scale = capacity[tight].clip(min=1.0)
        total = combined(
            (bytes_[tight] / scale).astype(np.float32),
            (change[tight] / scale[:, None, :, 0]).astype(np.float32),
        )
        over = np.maximum(total - (capacity[tight] / scale).astype(np.float32)[:, None], 0.0)
        score[tight] += price[tight, None] * sum_in_order(over.reshape(*over.shape[:2], -1), axis=2)
