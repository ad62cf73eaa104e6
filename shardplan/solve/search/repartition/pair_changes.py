"""What pairs of places may change in a round of repartition, and how it is done."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.problem import Shape
from shardplan.solve.search.repartition.array_loops import (
    NOWHERE,
    candidates,
    first_of_pairs,
    put_into_slots,
    ranks,
    sides_of_changes,
)
from shardplan.solve.search.repartition.chance import COIN, KEY, OPTION, Dice
from shardplan.solve.search.repartition.copies import MOST_SLOTS, Copies

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.solve.search.fares import Fares


@dataclass(frozen=True, slots=True)
class Pairs:
    """All places of every copy, but an odd one, in pairs; P pairs a copy."""

    shape: Shape
    """What a place is: a device, or a node for units that land on nodes."""
    places: NDArray[np.int64]
    """(R * P, 2)"""
    pair: NDArray[np.int64]
    """(R, places): the pair of each place, counted through all copies, or ``NOWHERE``."""
    side: NDArray[np.int64]
    """(R, places): 0 or 1."""

    @classmethod
    def of(cls, shape: Shape, dice: Dice) -> Self:
        """As they fall."""
        order = dice.order
        copies, count = order.shape
        position = np.empty_like(order)
        np.put_along_axis(position, order, np.tile(np.arange(count), (copies, 1)), axis=1)
        half = count // 2
        first = half * np.arange(copies)[:, None]
        pair = np.where(position < 2 * half, first + position // 2, NOWHERE)
        return cls(shape, order[:, : 2 * half].reshape(-1, 2), pair, position % 2)


@dataclass(frozen=True, slots=True)
class PairChanges:
    """n changes, each of one row within a pair: all of it, or the unit in one of its slots."""

    copy: NDArray[np.int64]
    row: NDArray[np.int64]
    slot: NDArray[np.int64]
    """The slot that changes sides; ``NOWHERE`` where the whole row changes its option."""
    pair: NDArray[np.int64]
    rank: NDArray[np.int64]
    """Counts the changes of a pair: 0, 1, ..."""
    old: NDArray[np.int64]
    new: NDArray[np.int64]
    """Options; the same where a slot changes sides."""
    before: NDArray[np.int64]
    """(n, 2): units of the old option on each side, which the change takes away."""
    after: NDArray[np.int64]
    """(n, 2): units of the new option on each side, which it puts in their place."""
    first_side: NDArray[np.int64]
    """Where the row's first unit goes if the whole row changes; the next go left and right."""

    def fares(self, fares: Fares, pairs: Pairs, devices_per_node: int) -> NDArray[np.float64]:
        """(n,): what each change pays more than before."""
        width = devices_per_node if pairs.shape is Shape.NODE else 1
        more = np.zeros(len(self.row))
        for side in (0, 1):
            place = pairs.places[self.pair, side]
            more += self.after[:, side] * fares.at(self.new, place, width)
            more -= self.before[:, side] * fares.at(self.old, place, width)
        return more

    def only(self, chosen: NDArray[np.bool_]) -> Self:
        """The changes that are ``chosen`` (n,)."""
        return type(self)(**{f.name: getattr(self, f.name)[chosen] for f in fields(self)})


class ChangeDraws:
    """Draws changes for copies of a placement and makes them."""

    def __init__(self, copies: Copies, allowed: NDArray[np.bool_]) -> None:
        problem = copies.problem
        self._copies, self._problem = copies, problem
        self.free = ~problem.is_apart[copies.item]
        """(rows,): whether anything may change about a row."""
        self.alternatives = {
            shape: Alternatives.of(copies, allowed & (problem.shape == shape))
            for shape in (Shape.DEVICE, Shape.NODE)
        }
        self.open = {Shape.DEVICE: problem.domains, Shape.NODE: problem.node_domains}
        self.is_restricted = not problem.domains.all()

    def levels(self) -> list[Shape]:
        """The kinds of places between which something may change."""
        problem, shape = self._problem, self._problem.shape[self._copies.option[0]]
        counts = {Shape.DEVICE: problem.device_count, Shape.NODE: problem.node_count}
        return [
            level
            for level, count in counts.items()
            if count > 1 and (self.free & (shape == level)).any()
        ]

    def draw(self, pairs: Pairs, most: int, dice: Dice) -> PairChanges:
        """At most that many changes of each pair, by chance."""
        copies, problem = self._copies, self._problem
        active = (problem.shape[copies.option] == pairs.shape) & self.free
        copies_count, rows, slots = copies.slot.shape
        coins = dice.bits(COIN, np.arange(copies_count * rows)).reshape(copies_count, rows)
        copy, row, slot, of_pair = candidates(
            copies.slot,
            active,
            pairs.pair,
            self.alternatives[pairs.shape].count,
            (coins & np.uint64(1)) == 0,
        )
        keys = dice.bits(KEY, (copy * rows + row) * (slots + 1) + slot + 1)
        kept = first_of_pairs(of_pair, keys, len(pairs.places), most)
        drawn = copy[kept], row[kept], slot[kept], of_pair[kept]
        found = self._within_domains(self._changes(pairs, *drawn, dice), pairs)
        return replace(found, rank=ranks(found.pair, len(pairs.places)))

    def _changes(
        self,
        pairs: Pairs,
        copy: NDArray[np.int64],
        row: NDArray[np.int64],
        slot: NDArray[np.int64],
        pair: NDArray[np.int64],
        dice: Dice,
    ) -> PairChanges:
        copies = self._copies
        is_whole = slot == NOWHERE
        old = copies.option[copy, row]
        bits = dice.bits(OPTION, copy * len(copies.item) + row)
        nth, first = bits >> np.uint64(1), (bits & np.uint64(1)).astype(np.int64)
        new = np.where(is_whole, self.alternatives[pairs.shape].nth(row, nth), old)
        before, after = sides_of_changes(
            copies.slot, pairs.side, copy, row, slot, first, self._problem.units[new]
        )
        return PairChanges(copy, row, slot, pair, pair, old, new, before, after, first)

    def _within_domains(self, changes: PairChanges, pairs: Pairs) -> PairChanges:
        if not self.is_restricted:
            return changes
        domain = self._problem.domain[changes.new]
        fine = self.open[pairs.shape][domain[:, None], pairs.places[changes.pair]]
        fine |= changes.after == 0
        return changes.only(np.logical_and.reduce(fine, axis=1))

    def make(self, changes: PairChanges, pairs: Pairs) -> None:
        """Make the changes."""
        copies = self._copies
        if copies.fares is not None:
            each = self._problem.devices_per_node
            np.add.at(copies.paid, changes.copy, changes.fares(copies.fares, pairs, each))
        for side in (0, 1):
            place = pairs.places[changes.pair, side]
            for option, count in (
                (changes.old, -changes.before[:, side]),
                (changes.new, changes.after[:, side]),
            ):
                copies.shift(changes.copy, place, option, count, pairs.shape)
        np.maximum(copies.load, 0.0, out=copies.load)  # rounding may leave less than nothing
        whole = changes.slot == NOWHERE
        copies.change_options(changes.copy[whole], changes.row[whole], changes.new[whole])
        put_into_slots(
            copies.slot,
            pairs.places[changes.pair],
            changes.copy,
            changes.row,
            changes.slot,
            changes.after,
            changes.first_side,
            self._problem.units[changes.new],
        )


@dataclass(frozen=True, slots=True)
class Alternatives:
    """The options that each row may take."""

    options: NDArray[np.int64]
    start: NDArray[np.int64]
    count: NDArray[np.int64]
    """(rows,): a row has ``count`` options from ``start`` on."""

    @classmethod
    def of(cls, copies: Copies, allowed: NDArray[np.bool_]) -> Self:
        problem = copies.problem
        options = np.flatnonzero(allowed & (problem.units <= MOST_SLOTS))
        per_item = np.bincount(problem.item_of_option[options], minlength=problem.item_count)
        start = np.cumsum(per_item) - per_item
        whole = copies.rows_of_item[copies.item] == 1
        return cls(options, start[copies.item], np.where(whole, per_item[copies.item], 0))

    def nth(self, row: NDArray[np.int64], number: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Of each row the option of a ``number`` that may exceed how many there are; meaningless
        for rows that have none."""
        if not len(self.options):
            return np.zeros(len(row), dtype=np.int64)
        count = np.maximum(self.count[row], 1).astype(np.uint64)
        position = self.start[row] + (number % count).astype(np.int64)
        drawn: NDArray[np.int64] = self.options[np.minimum(position, len(self.options) - 1)]
        return drawn
