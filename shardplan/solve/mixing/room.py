"""How much memory mixes may fill, and which items have room to be mixed at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.placement import per_device, per_node
from shardplan.solve.problem.problem import Shape

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem

MARGIN = 1 - 1e-6
"""Of a capacity, so that the linear solver's tolerance does not overfill it."""


@dataclass(frozen=True, slots=True)
class Room:
    """What may lie on each place, and the items whose proportions are free."""

    items: NDArray[np.int64]
    """Rising; the others stay as they are."""
    device_bytes: NDArray[np.float64]
    """(D, T): capacities, less a margin where something is mixed."""
    node_bytes: NDArray[np.float64]
    """(N, U)"""

    @classmethod
    def of(cls, problem: Problem, start: Placement, items: NDArray[np.int64]) -> Self:
        """Free all ``items`` but those on a place that is full to the margin without their caches.

        Such a place is full of what cannot be mixed, or of the smallest of all mixes: with the
        margin nothing would fit there, and so no mix anywhere.
        """
        while True:
            found = cls.around(problem, start, items)
            crowded = _crowded(problem, start, found)
            if not crowded.any():
                return found
            items = items[~crowded]

    @classmethod
    def around(cls, problem: Problem, start: Placement, items: NDArray[np.int64]) -> Self:
        """Free all ``items``."""
        is_free = np.zeros((problem.item_count, 1))
        is_free[items] = 1.0
        on_devices = per_device(problem, start, is_free) > 0
        on_nodes = per_node(problem, start, is_free) > 0
        return cls(
            items,
            problem.device_capacity * np.where(on_devices, MARGIN, 1.0),
            problem.node_capacity * np.where(on_nodes, MARGIN, 1.0),
        )


def _crowded(problem: Problem, start: Placement, room: Room) -> NDArray[np.bool_]:
    """(items,): those with a unit on a place that even the least of every mix overfills.

    What overfills its whole capacity no item staying as it is would mend.
    """
    items = room.items
    least_on_device = _least(problem, start, items, problem.device_bytes)
    least_on_node = _least(problem, start, items, problem.node_bytes)
    devices = per_device(problem, start, least_on_device)
    nodes = per_node(problem, start, least_on_node)
    is_over = (devices > room.device_bytes) & (devices <= problem.device_capacity)
    full: NDArray[np.bool_] = np.logical_or.reduce(is_over, axis=1)
    node_full = ((nodes > room.node_bytes) & (nodes <= problem.node_capacity)).any(axis=1)
    full |= np.repeat(node_full, problem.devices_per_node)
    full_nodes = np.logical_or.reduce(full.reshape(problem.node_count, -1), axis=1)
    owner = np.repeat(np.arange(problem.item_count), np.diff(start.unit_offsets))
    shape = problem.shape[start.option]
    on_node = shape[owner] == Shape.NODE
    hit = np.zeros(len(owner), dtype=bool)
    hit[on_node] = full_nodes[start.targets[on_node]]
    hit[~on_node] = full[start.targets[~on_node]]
    touches = np.bincount(owner[hit], minlength=problem.item_count) > 0
    touches |= (shape == Shape.ALL) & bool(full.any())
    crowded: NDArray[np.bool_] = touches[items]
    return crowded


def _least(
    problem: Problem, start: Placement, items: NDArray[np.int64], per_option: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(I, K): what an item has of ``per_option`` (O, K); of ``items`` the least of their blend."""
    blends = int(problem.blend.max(initial=-1)) + 1
    least = np.full((blends, per_option.shape[1]), np.inf)
    np.minimum.at(least, problem.blend, per_option)
    found = start.of_items(problem, per_option).copy()
    found[items] = least[problem.blend[start.option[items]]]
    return found
