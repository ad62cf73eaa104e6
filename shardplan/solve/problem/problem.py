"""The placement problem as the solvers see it: arrays, without tables' names, YAML or PyTorch."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.objective import ChainObjective


class Shape(IntEnum):
    """On what one unit of an option lands."""

    DEVICE = 0
    NODE = 1
    ALL = 2


def left_out() -> NDArray[Any]:
    """Stands for a field that is derived from the others where it is not given."""
    return np.zeros(0)


@dataclass(frozen=True)
class Problem:
    """Choose one option per item and a place for each of its units, so that the step is shortest.

    I items, O options, S stages, D devices on N nodes, T device tiers, U node tiers.

    Each unit lands on one device, on all devices of one node, or on every device, by the option's
    shape. What that takes is judged by ``objective``: one stage that sums all phases is the
    ``balance`` objective; one stage per phase, with the phases that hide behind the batch before in
    a chain of their own, is ``step_time``.
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
    objective: ChainObjective
    """What stages make of the loads."""
    domain: NDArray[np.int64]
    """(O,): which row of ``domains`` says where the option's units may land.

    Options of shape ALL need a domain of all devices, and no item of an apart-group has one.
    """
    domains: NDArray[np.bool_]
    """(n, D): the devices that each domain allows; a unit must land inside it wholly."""
    apart: tuple[NDArray[np.int64], ...] = ()
    """Groups of items of which a device may hold parts of at most one, and of it one unit."""
    blend: NDArray[np.int64] = field(default_factory=left_out)
    """(O,): options of one number can be mixed in any proportion, as caches can have any size.

    They belong to one item and are alike in shape, units and domain; loads and bytes of a mix are
    the options' own, in proportion. Left out, every option is for itself; numbers are counted again
    from 0, in the order of those given.
    """
    spill_seconds: NDArray[np.float64] = field(default_factory=left_out)
    """(O, S): what one unit of shape DEVICE adds to each stage of every *other* device of the node
    that it lands on, since they share what it uses; at most its load. 0 for the other shapes, whose
    loads count all devices of a node. Left out, nothing is shared.
    """
    mean_seconds: NDArray[np.float64] = field(default_factory=left_out)
    """(O, S): what the devices that a unit lands on bear of it on average, at most its load.

    One of them bears the load. Placements are charged as if all did, so that they may turn out
    better than their objective; bounds know of it. Left out, all devices bear the load.
    """
    fullest: NDArray[np.int64] = field(default_factory=left_out)
    """(O,): which of them that is, counted from 0; -1 where the load is more than any bears. Left
    out, it is the first.
    """

    is_partial: bool = False
    """Options were left out, since there are too many: no bound on these is one on all. What fits
    into no memory by these fits by none."""

    def __post_init__(self) -> None:
        """Fill in what was left out."""
        spill, blend = self.spill_seconds, np.arange(len(self.shape))
        if not len(spill):
            spill = np.zeros_like(self.load_seconds)
        if len(self.blend):
            blend = np.unique(self.blend, return_inverse=True)[1].reshape(-1).astype(np.int64)
        if not len(self.fullest):
            object.__setattr__(self, "fullest", np.zeros(len(self.shape), dtype=np.int64))
        object.__setattr__(self, "spill_seconds", spill)
        object.__setattr__(self, "blend", blend)

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
        return np.repeat(np.arange(self.item_count), self.options_per_item)

    @cached_property
    def options_per_item(self) -> NDArray[np.int64]:
        """(I,): how many options each item has."""
        return np.diff(self.option_offsets)

    @cached_property
    def has_spill(self) -> bool:
        """Whether any unit adds to the stages of devices that it does not land on."""
        return bool(self.spill_seconds.any())

    @cached_property
    def is_uneven(self) -> bool:
        """Whether the devices that some unit lands on do not all bear the same of it."""
        return bool(self.has_uneven_units.any())

    @property
    def average_seconds(self) -> NDArray[np.float64]:
        """(O, S): what the devices that a unit lands on bear of it on average."""
        return self.mean_seconds if len(self.mean_seconds) else self.load_seconds

    @cached_property
    def has_uneven_units(self) -> NDArray[np.bool_]:
        """(O,): whether those of an option are such."""
        uneven: NDArray[np.bool_] = np.logical_or.reduce(
            self.average_seconds < self.load_seconds, axis=1
        )
        return uneven

    @cached_property
    def is_apart(self) -> NDArray[np.bool_]:
        """(I,): whether an item belongs to any apart-group."""
        member = np.zeros(self.item_count, dtype=bool)
        member[np.concatenate([np.zeros(0, np.int64), *self.apart])] = True
        return member

    @cached_property
    def node_domains(self) -> NDArray[np.bool_]:
        """(n, N): the nodes that each domain allows wholly."""
        by_node = self.domains.reshape(len(self.domains), self.node_count, self.devices_per_node)
        whole: NDArray[np.bool_] = np.logical_and.reduce(by_node, axis=2)
        return whole

    @cached_property
    def width(self) -> NDArray[np.int64]:
        """(O,): on how many devices one unit lands."""
        devices = np.array([1, self.devices_per_node, self.device_count])
        return devices[self.shape]

    @cached_property
    def total_load_seconds(self) -> NDArray[np.float64]:
        """(O, S): what an option adds to each stage, summed over all devices."""
        total = self.average_seconds * (self.units * self.width)[:, None]
        if self.has_spill:
            total += self.spill_seconds * (self.units * (self.devices_per_node - 1))[:, None]
        return total

    @cached_property
    def own_seconds(self) -> NDArray[np.float64]:
        """(O, S): the load less the spill: what is left where a unit spills on its device too."""
        return self.load_seconds - self.spill_seconds if self.has_spill else self.load_seconds

    @cached_property
    def fullest_device_seconds(self) -> NDArray[np.float64]:
        """(O, S): what some device bears at least when an option is chosen: its units, spread
        evenly.

        The node with the most units has a device with no fewer than an even spread gives any.
        """
        fullest = self.own_seconds * self._most_units[:, None]
        if self.has_spill:
            fullest += self.spill_seconds * np.ceil(self.units / self.node_count)[:, None]
        return fullest

    @cached_property
    def fullest_device_bytes(self) -> NDArray[np.float64]:
        """(O, T): what some device holds at least when an option is chosen."""
        return self.device_bytes * self._most_units[:, None]

    @cached_property
    def _most_units(self) -> NDArray[np.float64]:
        """(O,): how many units the fullest device has of an option that is spread evenly."""
        slots = np.where(self.shape == Shape.NODE, self.node_count, self.device_count)
        slots = np.where(self.shape == Shape.ALL, 1, slots)
        return np.ceil(self.units / slots)

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
        return float(least / self.device_count + self.objective.constant_seconds) or 1.0

    @cached_property
    def mixable(self) -> NDArray[np.bool_]:
        """(O,): whether there is another option to mix with."""
        many: NDArray[np.bool_] = np.bincount(self.blend)[self.blend] > 1
        return many

    def options_of(self, item: int) -> range:
        """The options of an item."""
        return range(int(self.option_offsets[item]), int(self.option_offsets[item + 1]))

    def largest(self, per_option: NDArray[np.float64]) -> NDArray[np.int64]:
        """(I,): of each item the option with most of ``per_option`` (O,); the first of equals."""
        order = np.lexsort((-per_option, self.item_of_option))
        return order[self.option_offsets[:-1]]

    def weighed(
        self, weights: NDArray[np.float64], per_option: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """(I, K): ``per_option`` (O, K) of each item, its options counting by ``weights`` (O,)."""
        weighed: NDArray[np.float64] = np.add.reduceat(
            weights[:, None] * per_option, self.option_offsets[:-1], axis=0
        )
        return weighed
