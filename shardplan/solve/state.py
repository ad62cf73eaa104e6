"""A placement under construction: loads and bytes kept up to date as items come and go."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.placement import Placement, objective_of
from shardplan.solve.problem import Problem, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

UNPLACED = -1


class State:
    """Which option each item has, where its units are, and what that adds up to.

    ``load`` is (D, S) seconds, ``device_bytes`` (D, T), ``node_bytes`` (N, U), ``held`` (D, groups)
    counts the units of each apart-group on each device.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.option = np.full(problem.item_count, UNPLACED, dtype=np.int64)
        self.targets: list[NDArray[np.int64]] = [_NOWHERE] * problem.item_count
        self.load = np.zeros((problem.device_count, problem.stage_count))
        self.device_bytes = np.zeros_like(problem.device_capacity)
        self.node_bytes = np.zeros_like(problem.node_capacity)
        self.held = np.zeros((problem.device_count, len(problem.apart)), dtype=np.int64)
        self.group_of = np.full(problem.item_count, UNPLACED, dtype=np.int64)
        for group, items in enumerate(problem.apart):
            self.group_of[items] = group

    @classmethod
    def of(cls, problem: Problem, placement: Placement) -> State:
        """The state in which every item stands as in ``placement``."""
        state = cls(problem)
        for item in range(problem.item_count):
            state.insert(item, int(placement.option[item]), placement.targets_of(item))
        return state

    def placement(self) -> Placement:
        """The answer as it stands; every item must be placed."""
        return Placement.of(self.option.copy(), self.targets)

    def objective(self) -> float:
        """Seconds, by the true objective."""
        return objective_of(self.problem, self.load.max(axis=0))

    def overflow(self) -> float:
        """By how much tiers are over capacity, each relative to its capacity, summed."""
        device = (self.device_bytes - self.problem.device_capacity).clip(min=0.0)
        node = (self.node_bytes - self.problem.node_capacity).clip(min=0.0)
        return float(
            (device / self.problem.device_capacity.clip(min=1.0)).sum()
            + (node / self.problem.node_capacity.clip(min=1.0)).sum()
        )

    def insert(self, item: int, option: int, targets: NDArray[np.int64]) -> None:
        """Give an unplaced item an option and places for its units."""
        self.option[item] = option
        self.targets[item] = targets
        self._add(item, option, targets, 1)

    def remove(self, item: int) -> None:
        """Take an item out."""
        self._add(item, int(self.option[item]), self.targets[item], -1)
        self.option[item] = UNPLACED
        self.targets[item] = _NOWHERE

    def _add(self, item: int, option: int, targets: NDArray[np.int64], sign: int) -> None:
        problem = self.problem
        load, device_bytes, node_bytes = (
            sign * array[option]
            for array in (problem.load_seconds, problem.device_bytes, problem.node_bytes)
        )
        shape = problem.shape[option]
        if shape == Shape.ALL:
            self.load += load
            self.device_bytes += device_bytes
            self.node_bytes += node_bytes
            return
        per_node = problem.devices_per_node
        group = self.group_of[item]
        for target in targets.tolist():
            first, node = (target, target // per_node) if shape == Shape.DEVICE else (
                target * per_node, target)
            devices = slice(first, first + (1 if shape == Shape.DEVICE else per_node))
            self.load[devices] += load
            self.device_bytes[devices] += device_bytes
            self.node_bytes[node] += node_bytes
            if group != UNPLACED:
                self.held[devices, group] += sign


_NOWHERE = np.zeros(0, dtype=np.int64)
