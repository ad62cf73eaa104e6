"""Copies of one placement, whose units move and whose items take other options side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.search.repartition.array_loops import NOWHERE, add_units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.search.fares import Fares

MOST_SLOTS = 4
"""Units up to which an item is one row; the units of wider ones are rows of their own."""


class Copies:
    """R placements as rows: a row is an item, or one unit of an item that has many.

    ``option`` (R, rows) and ``slot`` (R, rows, slots), a place or ``NOWHERE``, say what is placed:
    places are devices or nodes, by the shape of the option, and all-device options have none.
    ``load`` (R, D, S), ``device_bytes`` (R, D, T) and ``node_bytes`` (R, N, U) are the sums, and
    ``uses`` (R, G) tells how many rows are in each group that is charged for, and ``paid`` (R,)
    what they pay of ``fares``, where there are any.
    """

    def __init__(
        self,
        problem: Problem,
        start: Placement,
        count: int,
        fares: Fares | None = None,
    ) -> None:
        self.problem, self.count, self.fares = problem, count, fares
        paid = fares.of_items(problem, start).sum() if fares is not None else 0.0
        self.paid = np.full(count, paid)
        units = np.diff(start.unit_offsets)
        self.rows_of_item = np.where(units > MOST_SLOTS, units, 1)
        self.item = np.repeat(np.arange(problem.item_count), self.rows_of_item)
        self.option = np.tile(start.option[self.item], (count, 1))
        self.slot = np.tile(_slots(start, self.rows_of_item), (count, 1, 1))
        state = evaluate(problem, start)
        self.load = np.tile(state.load_seconds, (count, 1, 1))
        self.device_bytes = np.tile(state.device_bytes, (count, 1, 1))
        self.node_bytes = np.tile(state.node_bytes, (count, 1, 1))
        self.uses = problem.objective.uses(self.option)

    def objectives(self) -> NDArray[np.float64]:
        """(R,): seconds."""
        return self.problem.objective.seconds(self.load, self.uses)

    def fits(self, copy: int) -> bool:
        """Whether a copy is within all capacities."""
        device = self.device_bytes[copy] <= self.problem.device_capacity
        node = self.node_bytes[copy] <= self.problem.node_capacity
        return bool(device.all() and node.all())

    def placement(self, option: NDArray[np.int64], slot: NDArray[np.int64]) -> Placement:
        """The placement that the (rows,) options and (rows, slots) places of a copy stand for."""
        of_item = np.empty(self.problem.item_count, dtype=np.int64)
        of_item[self.item] = option
        row, position = np.nonzero(slot != NOWHERE)
        item, place = self.item[row], slot[row, position]
        offsets = np.zeros(self.problem.item_count + 1, dtype=np.int64)
        np.cumsum(np.bincount(item, minlength=self.problem.item_count), out=offsets[1:])
        return Placement(of_item, offsets, place[np.lexsort((place, item))])

    def change_options(
        self, copy: NDArray[np.int64], row: NDArray[np.int64], option: NDArray[np.int64]
    ) -> None:
        """Let a row of a copy have another option; all three are (n,), and no row comes twice."""
        charges = self.problem.objective.charges
        if charges is not None:
            for sign, options in ((1, option), (-1, self.option[copy, row])):
                np.add.at(self.uses, copy, sign * charges.of_option[options])
        self.option[copy, row] = option

    def shift(
        self,
        copy: NDArray[np.int64],
        place: NDArray[np.int64],
        option: NDArray[np.int64],
        count: NDArray[np.int64],
        shape: Shape,
    ) -> None:
        """Add ``count`` units of each option to a place of a copy; all four are (n,)."""
        problem = self.problem
        width = problem.devices_per_node if shape is Shape.NODE else 1
        node = place if shape is Shape.NODE else place // problem.devices_per_node
        for sums, per_unit in (
            (self.load, problem.own_seconds),
            (self.device_bytes, problem.device_bytes),
        ):
            add_units(sums, copy, place, width, count, option, per_unit)
        if problem.has_spill:
            by_node = self.load.reshape(self.count, problem.node_count, -1, problem.stage_count)
            change = count[:, None] * problem.spill_seconds[option]
            np.add.at(by_node, (copy, node), change[:, None])
        add_units(self.node_bytes, copy, node, 1, count, option, problem.node_bytes)


def _slots(start: Placement, rows_of_item: NDArray[np.int64]) -> NDArray[np.int64]:
    """(rows, slots): the places of each row's units."""
    units = np.diff(start.unit_offsets)
    by_unit = rows_of_item > 1
    first = np.cumsum(rows_of_item) - rows_of_item
    item = np.repeat(np.arange(len(units)), units)
    nth = np.arange(len(item)) - start.unit_offsets[item]
    row = first[item] + np.where(by_unit[item], nth, 0)
    slot = np.full((int(rows_of_item.sum()), MOST_SLOTS), NOWHERE)
    slot[row, np.where(by_unit[item], 0, nth)] = start.targets
    return slot
