"""Many placements of one problem side by side, so that one array operation moves all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.placement import Placement, device_counts
from shardplan.solve.problem.problem import Problem, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

NO_GROUP = -1


class Population:
    """R placements, in which items come and go.

    ``option`` (R, I) and ``count`` (R, I, D), the units of an item on each device, say what is
    placed; ``load`` (R, D, S), ``device_bytes`` (R, D, T), ``node_bytes`` (R, N, U), ``held`` (R,
    D, groups) and ``uses`` (R, G), how many of the placed items are in each group that is charged
    for, are the sums that follow. A group of ``held`` is all items that some item must be apart
    from, and itself; ``group_of`` (I,) is that of each item, ``NO_GROUP`` for most.
    """

    def __init__(self, problem: Problem, size: int) -> None:
        self.problem, self.size = problem, size
        devices, nodes = problem.device_count, problem.node_count
        self.option = np.zeros((size, problem.item_count), dtype=np.int64)
        self.count = np.zeros((size, problem.item_count, devices), dtype=np.uint16)
        self.load = np.zeros((size, devices, problem.stage_count))
        self.device_bytes = np.zeros((size, devices, problem.device_capacity.shape[1]))
        self.node_bytes = np.zeros((size, nodes, problem.node_capacity.shape[1]))
        self.group_of, self._members = _apart_groups(problem)
        self.held = np.zeros((size, devices, len(self._members)), dtype=np.int64)
        self.uses = np.tile(problem.objective.uses(np.zeros(0, dtype=np.int64)), (size, 1))
        self._may_lack_places = bool(problem.apart) or not problem.domains.all()
        self._rows = np.arange(size)

    def insert(
        self, items: NDArray[np.int64], options: NDArray[np.int64], counts: NDArray[np.uint16]
    ) -> None:
        """Place item ``items[r]`` of placement r as ``options[r]`` with ``counts[r]`` (R, D)."""
        self.option[self._rows, items] = options
        self.count[self._rows, items] = counts
        self._add(items, options, counts, 1.0)

    def remove(self, items: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.uint16]]:
        """Take out item ``items[r]`` of placement r; returns what ``insert`` needs to undo it."""
        options, counts = self.option[self._rows, items], self.count[self._rows, items]
        self._add(items, options, counts, -1.0)
        np.maximum(self.load, 0.0, out=self.load)  # rounding may leave a little less than nothing
        self.count[self._rows, items] = 0
        return options, counts

    def _add(
        self,
        items: NDArray[np.int64],
        options: NDArray[np.int64],
        counts: NDArray[np.uint16],
        sign: float,
    ) -> None:
        problem = self.problem
        signed = sign * counts
        self.load += signed[:, :, None] * problem.own_seconds[options][:, None]
        self.device_bytes += signed[:, :, None] * problem.device_bytes[options][:, None]
        by_node = signed.reshape(self.size, problem.node_count, problem.devices_per_node)
        on_device = (problem.shape[options] == Shape.DEVICE)[:, None]
        units = np.where(on_device, by_node.sum(axis=2), by_node[:, :, 0])
        self.node_bytes += units[:, :, None] * problem.node_bytes[options][:, None]
        if problem.has_spill:
            spilt = units[:, :, None] * problem.spill_seconds[options][:, None]
            self.load += np.repeat(spilt, problem.devices_per_node, axis=1)
        if problem.objective.charges is not None:
            placed = np.logical_or.reduce(counts > 0, axis=1)[:, None]
            self.uses += int(sign) * (placed & problem.objective.charges.of_option[options])
        if problem.apart:
            member = self._members[:, items].T[:, None]
            self.held += np.where(member, signed[:, :, None], 0.0).astype(np.int64)

    def objectives(self) -> NDArray[np.float64]:
        """(R,): seconds, by the true objective."""
        return self.problem.objective.seconds(self.load, self.uses)

    def overflow(self) -> NDArray[np.float64]:
        """(R,): bytes over capacity, each relative to its capacity, summed over tiers and places.

        An item without a place, and one that meets another in spite of being apart, count as much
        as a whole capacity.
        """
        problem = self.problem
        device = np.maximum(self.device_bytes - problem.device_capacity, 0.0)
        node = np.maximum(self.node_bytes - problem.node_capacity, 0.0)
        over: NDArray[np.float64] = (device / problem.device_capacity.clip(min=1.0)).sum((1, 2))
        over += (node / problem.node_capacity.clip(min=1.0)).sum((1, 2))
        if self._may_lack_places:
            over += (~self.count.any(axis=2)).sum(axis=1)
            over += np.maximum(self.held - 1, 0).sum((1, 2))
        return over

    def placement(self, row: int) -> Placement:
        """One of the placements, with every item placed."""
        problem, option, count = self.problem, self.option[row].copy(), self.count[row]
        shape = problem.shape[option]
        item, target = np.nonzero(count)
        on_node = shape[item] == Shape.NODE
        is_first = target % problem.devices_per_node == 0  # Devices of a node hold the same units.
        kept = (shape[item] == Shape.DEVICE) | (on_node & is_first)
        units = np.where(kept, count[item, target], 0).astype(np.int64)
        place = np.where(on_node, target // problem.devices_per_node, target)
        offsets = np.zeros(len(option) + 1, dtype=np.int64)
        np.cumsum(np.bincount(item, units, minlength=len(option)).astype(np.int64), out=offsets[1:])
        return Placement(option, offsets, np.repeat(place, units).astype(np.int64))

    def copy_in(self, row: int, placement: Placement) -> None:
        """Replace one of the placements; every item of it must be placed or none."""
        problem = self.problem
        counts = device_counts(problem, placement)
        self.option[row], self.count[row] = placement.option, counts
        self.held[row] = counts.T.astype(np.int64) @ self._members.T
        weights = counts.astype(np.float64).T
        self.load[row] = weights @ problem.own_seconds[placement.option]
        self.device_bytes[row] = weights @ problem.device_bytes[placement.option]
        by_node = weights.reshape(problem.node_count, problem.devices_per_node, -1)
        on_device = problem.shape[placement.option] == Shape.DEVICE
        units = np.where(on_device, by_node.sum(axis=1), by_node[:, 0])
        self.node_bytes[row] = units @ problem.node_bytes[placement.option]
        placed = placement.option[counts.any(axis=1)]
        self.uses[row] = problem.objective.uses(placed)
        if problem.has_spill:
            spilt = units @ problem.spill_seconds[placement.option]
            self.load[row] += np.repeat(spilt, problem.devices_per_node, axis=0)


def _apart_groups(problem: Problem) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """(I,) the group of each item and (groups, I) the members of each."""
    grouped = np.unique(np.concatenate([np.zeros(0, np.int64), *problem.apart]))
    near = np.zeros((len(grouped), problem.item_count), dtype=bool)
    for items in problem.apart:
        near[np.ix_(np.searchsorted(grouped, items), items)] = True
    members, of_grouped = np.unique(near, axis=0, return_inverse=True)
    group_of = np.full(problem.item_count, NO_GROUP, dtype=np.int64)
    group_of[grouped] = of_grouped.reshape(-1)
    return group_of, members
