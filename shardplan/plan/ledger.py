"""What each unit of each table costs, and on which devices the units lie: the one sum of the two.

It is made of a plan's decisions alone, and trusts no solver's arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.decision import options_of
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.cost.cost_model import CostModel, Traffic
    from shardplan.plan.decision import Decision
    from shardplan.sharding.world import World


@dataclass(frozen=True)
class _Units:
    """U units: (U,) each."""

    table: NDArray[np.int64]
    """Position of its decision, rising."""
    place: NDArray[np.int64]
    """The device, the node, or the world (0) on which it lands."""
    extent: NDArray[np.int8]
    """Which of the three: an ``Extent``."""
    devices: NDArray[np.int64]
    """How many devices that is."""

    @classmethod
    def of(cls, decisions: Sequence[Decision], world: World) -> _Units:
        places = [decision.places for decision in decisions]
        counts = [len(each) for each in places]
        extents = np.array([decision.sharding.lands for decision in decisions], dtype=np.int8)
        extent = np.repeat(extents, counts)
        return cls(
            np.repeat(np.arange(len(decisions)), counts),
            np.array([place for each in places for place in each], dtype=np.int64),
            extent,
            np.array([world.devices_of(each) for each in Extent])[extent],
        )

    @property
    def first_rank(self) -> NDArray[np.int64]:
        """The first device on which it lands."""
        return self.place * self.devices


@dataclass(frozen=True)
class Ledger:
    """T tables, P phases, W devices; a *unit* is the part of a table that is placed as a whole."""

    decisions: tuple[Decision, ...]
    """One for each of the T tables."""
    world: World
    cost_model: CostModel
    unit_seconds: NDArray[np.float64]
    """(T, P): what a unit adds to each phase of each device that it lands on."""
    spill_seconds: NDArray[np.float64]
    """(T, P): what it adds there to the other devices of a node, which share memory with it; 0 of
    units that land on more than one."""
    unit_bytes: NDArray[np.float64]
    """(T, 3): what it needs there of each tier, buffers included."""

    @classmethod
    def of(cls, decisions: Sequence[Decision], cost_model: CostModel, world: World) -> Ledger:
        """Cost the units of one decision per table."""
        costs = cost_model.unit_costs(options_of(decisions))
        return cls(
            tuple(decisions), world, cost_model,
            costs.load_seconds, costs.spill_seconds, costs.memory_bytes,
        )  # fmt: skip

    @cached_property
    def traffic(self) -> Traffic | None:
        """What a unit moves on each device between the tiers; None where that is not predicted."""
        return self.cost_model.traffic(options_of(self.decisions))

    @cached_property
    def rank_seconds(self) -> NDArray[np.float64]:
        """(W, P): what each device spends on its own units, and waits for its neighbours'."""
        spilt = self.by_rank(self.spill_seconds)
        of_node = spilt.reshape(self.world.nodes, -1, spilt.shape[1]).sum(axis=1)
        waits = np.repeat(of_node, self.world.devices_per_node, axis=0) - spilt
        return self.by_rank(self.unit_seconds) + waits

    @cached_property
    def rank_bytes(self) -> NDArray[np.float64]:
        """(W, 3): what the units on each device need of each tier."""
        return self.by_rank(self.unit_bytes)

    def by_rank(self, of_unit: NDArray[np.float64]) -> NDArray[np.float64]:
        """(W, K): what the units on each device add up to; ``of_unit`` is (T, K)."""
        units, total = self._units, np.zeros((self.world.size, of_unit.shape[1]))
        for extent in Extent:
            here = units.extent == extent
            summed = np.zeros((self.world.count_of(extent), of_unit.shape[1]))
            np.add.at(summed, units.place[here], of_unit[units.table[here]])
            total += np.repeat(summed, self.world.devices_of(extent), axis=0)
        return total

    def units_on(self, rank: int) -> NDArray[np.int64]:
        """(T,): how many units of each table touch a device."""
        return self._count(self._units.place == rank // self._units.devices)

    def seconds_on(self, rank: int) -> NDArray[np.float64]:
        """(T, P): what each table adds to each phase of a device, from its neighbours too."""
        units = self.units_on(rank)
        return self._with_spill(units, self._units_in(np.full(len(units), rank)) - units)

    def take(self, tables: Sequence[int]) -> Ledger:
        """The same of some tables alone."""
        chosen = list(tables)
        return replace(
            self,
            decisions=tuple(self.decisions[table] for table in chosen),
            unit_seconds=self.unit_seconds[chosen],
            spill_seconds=self.spill_seconds[chosen],
            unit_bytes=self.unit_bytes[chosen],
        )

    @cached_property
    def slowest_seconds(self) -> NDArray[np.float64]:
        """(T, P): what each table adds to the device that holds most of it."""
        units = self.most_units
        return self._with_spill(units, self._units_in(self.slowest_ranks) - units)

    @cached_property
    def total_seconds(self) -> NDArray[np.float64]:
        """(T, P): what each table adds to all devices together."""
        return self._with_spill(
            self.total_units, self.total_units * (self.world.devices_per_node - 1)
        )

    @cached_property
    def most_units(self) -> NDArray[np.int64]:
        """(T,): units on the device that holds most of a table."""
        return self._fullest[1]

    @cached_property
    def slowest_ranks(self) -> NDArray[np.int64]:
        """(T,): the first device that holds the most units of a table."""
        return self._fullest[0]

    @cached_property
    def total_units(self) -> NDArray[np.int64]:
        """(T,): units summed over all devices that they touch."""
        units = self._units
        summed = np.bincount(units.table, units.devices, minlength=len(self.decisions))
        return summed.astype(np.int64)

    def _with_spill(
        self, units: NDArray[np.int64], others: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(T, P): seconds of units and of the units on other devices of the node, (T,) each."""
        total: NDArray[np.float64] = (
            units[:, None] * self.unit_seconds + others[:, None] * self.spill_seconds
        )
        return total

    @cached_property
    def _fullest(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(T,) each: the first device with the most units of each table, and how many."""
        units = self._units
        held, count = np.unique(
            np.stack([units.table, units.first_rank]), axis=1, return_counts=True
        )
        order = np.lexsort((held[1], -count, held[0]))
        first = order[np.searchsorted(held[0], np.arange(len(self.decisions)))]
        return held[1, first], count[first]

    def _units_in(self, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        """(T,): units that touch the node of a rank, for each table one of ``ranks`` (T,)."""
        each = self.world.devices_per_node
        return self._count(self._units.first_rank // each == (ranks // each)[self._units.table])

    def _count(self, chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
        """(T,): units of each table that are ``chosen`` (U,)."""
        return np.bincount(self._units.table[chosen], minlength=len(self.decisions))

    @cached_property
    def _units(self) -> _Units:
        return _Units.of(self.decisions, self.world)
