"""An answer to a Problem, and what it costs when computed from nothing but the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem import Problem, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Placement:
    """One option per item, and where each unit of it lands."""

    option: NDArray[np.int64]
    """(I,): the chosen option of each item."""
    unit_offsets: NDArray[np.int64]
    """(I + 1,): item ``i`` has the targets ``unit_offsets[i]:unit_offsets[i + 1]``."""
    targets: NDArray[np.int64]
    """(units,): a device for shape DEVICE, a node for shape NODE; shape ALL has no targets."""

    @classmethod
    def of(cls, option: NDArray[np.int64], targets: list[NDArray[np.int64]]) -> Placement:
        """Build from one array of targets per item, each put in rising order."""
        offsets = np.zeros(len(targets) + 1, dtype=np.int64)
        np.cumsum([len(t) for t in targets], out=offsets[1:])
        flat = np.concatenate([np.sort(t) for t in targets]) if targets else np.zeros(0, np.int64)
        return cls(option.astype(np.int64), offsets, flat.astype(np.int64))

    def targets_of(self, item: int) -> NDArray[np.int64]:
        """Where the units of an item land."""
        return self.targets[self.unit_offsets[item] : self.unit_offsets[item + 1]]


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


def objective_of(problem: Problem, stage_max: NDArray[np.float64]) -> float:
    """The objective, given the (S,) load of the most loaded device of each stage."""
    chains = problem.chain_seconds.copy()
    np.add.at(chains, problem.chain_of_stage, stage_max)
    return float(chains.max())


def evaluate(problem: Problem, placement: Placement) -> Evaluation:
    """Sum up a placement's loads and bytes per device and node, and its objective."""
    option = placement.option
    item = np.repeat(np.arange(problem.item_count), np.diff(placement.unit_offsets))
    unit_option = option[item]
    per_device, per_node = (
        (unit_option[mask], placement.targets[mask])
        for mask in (
            problem.shape[unit_option] == Shape.DEVICE,
            problem.shape[unit_option] == Shape.NODE,
        )
    )
    everywhere = option[problem.shape[option] == Shape.ALL]

    load = _spread(problem, problem.load_seconds, per_device, per_node, everywhere)
    device_bytes = _spread(problem, problem.device_bytes, per_device, per_node, everywhere)
    node_bytes = np.zeros_like(problem.node_capacity)
    np.add.at(
        node_bytes, per_device[1] // problem.devices_per_node, problem.node_bytes[per_device[0]]
    )
    np.add.at(node_bytes, per_node[1], problem.node_bytes[per_node[0]])
    node_bytes += problem.node_bytes[everywhere].sum(axis=0)

    return Evaluation(
        load,
        device_bytes,
        node_bytes,
        objective=objective_of(problem, load.max(axis=0)),
        fits=bool(
            (device_bytes <= problem.device_capacity).all()
            and (node_bytes <= problem.node_capacity).all()
        ),
    )


def _spread(
    problem: Problem,
    per_unit: NDArray[np.float64],
    per_device: tuple[NDArray[np.int64], NDArray[np.int64]],
    per_node: tuple[NDArray[np.int64], NDArray[np.int64]],
    everywhere: NDArray[np.int64],
) -> NDArray[np.float64]:
    """(D, K): ``per_unit`` (O, K) summed over the units that land on each device."""
    total = np.zeros((problem.device_count, per_unit.shape[1]))
    np.add.at(total, per_device[1], per_unit[per_device[0]])
    nodes = np.zeros((problem.node_count, per_unit.shape[1]))
    np.add.at(nodes, per_node[1], per_unit[per_node[0]])
    total += np.repeat(nodes, problem.devices_per_node, axis=0)
    total += per_unit[everywhere].sum(axis=0)
    return total
