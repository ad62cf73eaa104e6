"""The placement problem as the solvers see it: arrays, without tables' names, YAML or PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Shape(IntEnum):
    """On what one unit of an option lands."""

    DEVICE = 0
    NODE = 1
    ALL = 2


@dataclass(frozen=True)
class Problem:
    """Choose one option per item and a place for each of its units, so that the step is shortest.

    I items, O options, S stages, C chains, D devices on N nodes, T device tiers, U node tiers.

    Each unit lands on one device, on all devices of one node, or on every device, by the option's
    shape. A *stage* ends when its most loaded device ends; a *chain* is a sequence of stages, and
    the objective is the longest chain::

        objective = max over chains c of (chain_seconds[c] + sum over stages s of c of
                                          max over devices d of load[d, s])

    One stage that sums all phases is the ``balance`` objective; one stage per phase, with the
    phases that hide behind the batch before in a chain of their own, is ``step_time``.
    """

    option_offsets: NDArray[np.int64]
    """(I + 1,): item ``i`` has the options ``option_offsets[i]:option_offsets[i + 1]``."""
    shape: NDArray[np.int8]
    """(O,): a ``Shape``."""
    units: NDArray[np.int64]
    """(O,): how many units the option has; 1 for shape ALL."""
    load_seconds: NDArray[np.float64]
    """(O, S): what one unit adds to each stage of each device that it lands on; of what the
    devices of a node share, as if it had all of that to itself."""
    device_bytes: NDArray[np.float64]
    """(O, T): what one unit needs of each tier of each device that it lands on."""
    node_bytes: NDArray[np.float64]
    """(O, U): what one unit needs of each shared tier of each node that it touches."""
    device_capacity: NDArray[np.float64]
    """(D, T): bytes offered by each device."""
    node_capacity: NDArray[np.float64]
    """(N, U): bytes offered by each node, shared by its devices."""
    chain_of_stage: NDArray[np.int64]
    """(S,): which chain a stage belongs to."""
    chain_seconds: NDArray[np.float64]
    """(C,): seconds of each chain whatever the placement."""
    domain: NDArray[np.int64]
    """(O,): which row of ``domains`` says where the option's units may land.

    Options of shape ALL need a domain of all devices, and no item of an apart-group has one.
    """
    domains: NDArray[np.bool_]
    """(n, D): the devices that each domain allows; a unit must land inside it wholly."""
    apart: tuple[NDArray[np.int64], ...] = ()
    """Groups of items of which a device may hold parts of at most one, and of it one unit."""
    stage_names: tuple[str, ...] = field(default=())
    blend: NDArray[np.int64] | None = None
    """(O,): options of one number can be mixed in any proportion, as caches can have any size.

    They belong to one item and are alike in shape, units and domain; loads and bytes of a mix are
    the options' own, in proportion. None: every option is for itself.
    """
    move_bytes: NDArray[np.float64] | None = None
    """(O,): the least bytes that move when an option is chosen, wherever its units land."""
    move_limit_bytes: float = float("inf")
    """The most that may move in all; it bounds the relaxations, and is nothing to the search."""
    spill_seconds: NDArray[np.float64] | None = None
    """(O, S): what one unit of shape DEVICE adds to each stage of every *other* device of the node
    that it lands on, since they share what it uses; at most its load. 0 for the other shapes, whose
    loads count all devices of a node. None: nothing is shared.
    """

    @property
    def item_count(self) -> int:
        """I."""
        return len(self.option_offsets) - 1

    @property
    def option_count(self) -> int:
        """O."""
        return len(self.shape)

    @property
    def stage_count(self) -> int:
        """S."""
        return int(self.load_seconds.shape[1])

    @property
    def device_count(self) -> int:
        """D."""
        return len(self.device_capacity)

    @property
    def node_count(self) -> int:
        """N."""
        return len(self.node_capacity)

    @property
    def devices_per_node(self) -> int:
        """D / N; devices of a node are neighbours in the order of devices."""
        return self.device_count // self.node_count

    @cached_property
    def item_of_option(self) -> NDArray[np.int64]:
        """(O,): the item that an option belongs to."""
        return np.repeat(np.arange(self.item_count), np.diff(self.option_offsets))

    @cached_property
    def width(self) -> NDArray[np.int64]:
        """(O,): on how many devices one unit lands."""
        devices = np.array([1, self.devices_per_node, self.device_count])
        return devices[self.shape]

    @cached_property
    def total_load_seconds(self) -> NDArray[np.float64]:
        """(O, S): what an option adds to each stage, summed over all devices."""
        total = self.load_seconds * (self.units * self.width)[:, None]
        if self.spill_seconds is not None:
            total += self.spill_seconds * (self.units * (self.devices_per_node - 1))[:, None]
        return total

    @cached_property
    def own_seconds(self) -> NDArray[np.float64]:
        """(O, S): the load less the spill: what is left where a unit spills on its device too."""
        return (
            self.load_seconds
            if self.spill_seconds is None
            else (self.load_seconds - self.spill_seconds)
        )

    @cached_property
    def total_device_bytes(self) -> NDArray[np.float64]:
        """(O, T): what an option needs of each device tier, summed over all devices."""
        return self.device_bytes * (self.units * self.width)[:, None]

    @cached_property
    def total_node_bytes(self) -> NDArray[np.float64]:
        """(O, U): what an option needs of each node tier, summed over all nodes."""
        nodes = np.where(self.shape == Shape.ALL, self.node_count, 1)
        return self.node_bytes * (self.units * nodes)[:, None]

    @cached_property
    def time_unit(self) -> float:
        """Seconds of the order of the objective; programs count time in it."""
        least = np.minimum.reduceat(
            self.total_load_seconds.sum(axis=1), self.option_offsets[:-1]
        ).sum()
        return float(least / self.device_count + self.chain_seconds.max(initial=0.0)) or 1.0

    @cached_property
    def blends(self) -> NDArray[np.int64]:
        """(O,): which options can be mixed, numbered from 0."""
        if self.blend is None:
            return np.arange(self.option_count)
        _, number = np.unique(self.blend, return_inverse=True)
        return number.reshape(-1).astype(np.int64)

    @cached_property
    def mixable(self) -> NDArray[np.bool_]:
        """(O,): whether there is another option to mix with."""
        many: NDArray[np.bool_] = np.bincount(self.blends)[self.blends] > 1
        return many

    def options_of(self, item: int) -> range:
        """The options of an item."""
        return range(int(self.option_offsets[item]), int(self.option_offsets[item + 1]))

    def largest(self, per_option: NDArray[np.float64]) -> NDArray[np.int64]:
        """(I,): of each item the option with most of ``per_option`` (O,); the first of equals."""
        order = np.lexsort((-per_option, self.item_of_option))
        return order[self.option_offsets[:-1]]
