"""An answer to a Problem, and what it costs when computed from nothing but the answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.problem import Problem, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Placement:
    """One option per item, and where each unit of it lands; equal where all of that is."""

    option: NDArray[np.int64]
    """(I,): the chosen option of each item."""
    unit_offsets: NDArray[np.int64]
    """(I + 1,): item ``i`` has the targets ``unit_offsets[i]:unit_offsets[i + 1]``."""
    targets: NDArray[np.int64]
    """(units,): a device for shape DEVICE, a node for shape NODE; shape ALL has no targets."""
    weights: NDArray[np.float64] | None = None
    """(O,): how much of each option; those of an item sum to 1, all of one blend, and are placed
    alike. None: every item is its ``option`` alone."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Placement):
            return NotImplemented
        mine, theirs = self.weights, other.weights
        if (mine is None) != (theirs is None):
            return False
        return (
            np.array_equal(self.option, other.option)
            and np.array_equal(self.unit_offsets, other.unit_offsets)
            and np.array_equal(self.targets, other.targets)
            and (mine is None or theirs is None or np.array_equal(mine, theirs))
        )

    @classmethod
    def of(cls, option: NDArray[np.int64], targets: list[NDArray[np.int64]]) -> Placement:
        """Build from one array of targets per item, each put in rising order."""
        offsets = np.zeros(len(targets) + 1, dtype=np.int64)
        np.cumsum([len(t) for t in targets], out=offsets[1:])
        flat = np.concatenate([np.sort(t) for t in targets]) if targets else np.zeros(0, np.int64)
        return cls(option.astype(np.int64), offsets, flat.astype(np.int64))

    @classmethod
    def of_single_units(cls, option: NDArray[np.int64], target: NDArray[np.int64]) -> Placement:
        """Build from (I,) options that have one unit each, and the place of each of these."""
        offsets = np.arange(len(option) + 1, dtype=np.int64)
        return cls(option.astype(np.int64), offsets, target.astype(np.int64))

    @classmethod
    def mixed(
        cls, problem: Problem, weights: NDArray[np.float64], targets: list[NDArray[np.int64]]
    ) -> Placement:
        """Build from (O,) how much of each option; of each item its largest is its option."""
        plain = cls.of(problem.largest(weights), targets)
        is_mixed = bool((weights[plain.option] < 1).any())
        return replace(plain, weights=weights) if is_mixed else plain

    def targets_of(self, item: int) -> NDArray[np.int64]:
        """Where the units of an item land."""
        return self.targets[self.unit_offsets[item] : self.unit_offsets[item + 1]]

    def of_items(self, problem: Problem, per_option: NDArray[np.float64]) -> NDArray[np.float64]:
        """(I, K): ``per_option`` (O, K) of what each item takes."""
        if self.weights is None:
            return per_option[self.option]
        return problem.weighed(self.weights, per_option)

    def mix_of(self, item: int, first: int, end: int) -> NDArray[np.float64]:
        """How much of each of the options ``first:end``, which are those of an item, it takes."""
        if self.weights is None:
            alone: NDArray[np.float64] = np.equal(np.arange(first, end), self.option[item]) * 1.0
            return alone
        mix: NDArray[np.float64] = self.weights[first:end]
        return mix

    @property
    def unmixed(self) -> Placement:
        """The same, of each item its ``option`` alone."""
        return replace(self, weights=None)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a placement costs."""

    load_seconds: NDArray[np.float64]
    """(D, S)"""
    device_bytes: NDArray[np.float64]
    """(D, T)"""
    node_bytes: NDArray[np.float64]
    """(N, U)"""
    objective: float
    """Seconds."""
    fits: bool
    """Whether no tier of any device or node is over its capacity."""


def evaluate(problem: Problem, placement: Placement) -> Evaluation:
    """Sum up a placement's loads and bytes per device and node, and its objective."""
    load, device_bytes = (
        per_device(problem, placement, placement.of_items(problem, per_option))
        for per_option in (problem.own_seconds, problem.device_bytes)
    )
    if problem.has_spill:
        spilt = per_node(problem, placement, placement.of_items(problem, problem.spill_seconds))
        load += np.repeat(spilt, problem.devices_per_node, axis=0)
    node_bytes = per_node(problem, placement, placement.of_items(problem, problem.node_bytes))
    return Evaluation(
        load,
        device_bytes,
        node_bytes,
        objective=float(problem.objective.seconds(load, problem.objective.uses(placement.option))),
        fits=bool(
            (device_bytes <= problem.device_capacity).all()
            and (node_bytes <= problem.node_capacity).all()
        ),
    )


def per_device(
    problem: Problem, placement: Placement, of_item: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(D, K): ``of_item`` (I, K) of a unit, summed over the units that land on each device."""
    item, shape = _units(problem, placement)
    total = np.zeros((problem.device_count, of_item.shape[1]))
    nodes = np.zeros((problem.node_count, of_item.shape[1]))
    for sums, kind in ((total, Shape.DEVICE), (nodes, Shape.NODE)):
        units = shape == kind
        np.add.at(sums, placement.targets[units], of_item[item[units]])
    total += np.repeat(nodes, problem.devices_per_node, axis=0)
    total += of_item[problem.shape[placement.option] == Shape.ALL].sum(axis=0)
    return total


def per_node(
    problem: Problem, placement: Placement, of_item: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(N, K): ``of_item`` (I, K) of a unit, summed over the units that touch each node."""
    item, shape = _units(problem, placement)
    each = np.where(shape == Shape.DEVICE, problem.devices_per_node, 1)
    total = np.zeros((problem.node_count, of_item.shape[1]))
    np.add.at(total, placement.targets // each, of_item[item])
    total += of_item[problem.shape[placement.option] == Shape.ALL].sum(axis=0)
    return total


def device_counts(problem: Problem, placement: Placement) -> NDArray[np.uint16]:
    """(I, D): the units of each item on each device; 1 everywhere for shape ALL."""
    counts = np.zeros((problem.item_count, problem.device_count), dtype=np.uint16)
    item = np.repeat(np.arange(problem.item_count), np.diff(placement.unit_offsets))
    shape = problem.shape[placement.option]
    on_device = shape[item] == Shape.DEVICE
    np.add.at(counts, (item[on_device], placement.targets[on_device]), 1)
    on_node = shape[item] == Shape.NODE
    by_node = counts.reshape(problem.item_count, problem.node_count, problem.devices_per_node)
    np.add.at(by_node, (item[on_node], placement.targets[on_node]), 1)
    counts[shape == Shape.ALL] = 1
    return counts


def _units(problem: Problem, placement: Placement) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """Of each target the item, and the shape of its option."""
    item = np.repeat(np.arange(problem.item_count), np.diff(placement.unit_offsets))
    return item, problem.shape[placement.option[item]]
