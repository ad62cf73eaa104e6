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

    from shardplan.cost.cost_model import BlockCosts, Charges, CostModel, Traffic
    from shardplan.options.option_set import OptionSet
    from shardplan.plan.decision import Decision
    from shardplan.sharding.world import World


_MOVED_COLUMNS = 5
"""Of ``moved``."""


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
class _Blocks:
    """Row blocks that are not like the first: of E of them, each on a device of its own, what they
    take less than that one. (E,) each."""

    table: NDArray[np.int64]
    rank: NDArray[np.int64]
    less: dict[str, NDArray[np.float64]]
    """By what is taken, (E, K): never positive."""
    shape: tuple[int, int]
    """Tables and devices."""

    @classmethod
    def of(
        cls, found: BlockCosts, charged: dict[str, NDArray[np.float64]], units: _Units, size: int
    ) -> _Blocks:
        """``charged`` is what each table's units were taken to need, (T, K) by the same names."""
        tables = len(charged["load_seconds"])
        first = np.searchsorted(units.table, np.arange(tables + 1))
        counts = np.diff(first)[found.option]
        entry = np.repeat(np.arange(len(found.option)), counts)
        nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        unit = first[found.option][entry] + nth
        real = {"load_seconds": found.load_seconds, "memory_bytes": found.memory_bytes}
        if found.traffic is not None:
            real["traffic"] = moved(found.traffic)
        less = {name: (real[name] - charged[name][found.option])[entry] for name in real}
        rank = units.first_rank[unit] + found.block[entry]
        less |= {name: charged[name][:0] for name in charged if name not in less}
        return cls(found.option[entry], rank, less, (tables, size))

    def of_tables(self, chosen: Sequence[int]) -> _Blocks:
        """Those of some tables alone, counted again in their order."""
        number = np.full(self.shape[0], -1)
        number[list(chosen)] = np.arange(len(chosen))
        kept = number[self.table] >= 0
        less = {name: values[kept] for name, values in self.less.items()}
        table, size = number[self.table[kept]], self.shape[1]
        return _Blocks(table, self.rank[kept], less, (len(chosen), size))

    def by_rank(self, what: str) -> NDArray[np.float64]:
        """(W, K): by how much less each device takes."""
        return _summed(self.rank, self.less[what], self.shape[1])

    def by_table(self, what: str, rank: int | None = None) -> NDArray[np.float64]:
        """(T, K): by how much less each table takes, on one device or over all."""
        here = slice(None) if rank is None else self.rank == rank
        return _summed(self.table[here], self.less[what][here], self.shape[0])


def _summed(at: NDArray[np.int64], values: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    total = np.zeros((count, values.shape[1]))
    np.add.at(total, at, values)
    return total


def moved(found: Traffic) -> NDArray[np.float64]:
    """(T, 5): accesses, those that hit HBM, those that hit HBM or DDR, and bytes moved."""
    return np.column_stack(
        [
            found.accesses,
            found.accesses * found.hit_rates,
            found.accesses * found.ddr_hit_rates,
            found.host_bytes,
            found.ssd_bytes,
        ]
    )


@dataclass(frozen=True)
class Ledger:
    """T tables, P phases, W devices; a *unit* is the part of a table that is placed as a whole."""

    decisions: tuple[Decision, ...]
    """One for each of the T tables."""
    world: World
    cost_model: CostModel
    unit_seconds: NDArray[np.float64]
    """(T, P): what a unit adds to each phase of each device that it lands on; where its rows are
    cut, of the device with the first block, which does most."""
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
        return self.cost_model.traffic(self._options)

    @cached_property
    def charges(self) -> Charges:
        """What phases take once for the tables that are sharded alike, beside their units."""
        return self.cost_model.charges(self._options).of_used

    @cached_property
    def _copied_bytes(self) -> NDArray[np.float64]:
        """(T, 3): what every device needs for each table, wherever its units lie."""
        return self.charges.bytes_of_options

    @cached_property
    def rank_seconds(self) -> NDArray[np.float64]:
        """(W, P): what each device spends on its own units, and waits for its neighbours'.

        Charges, which are the same for all, are not counted.
        """
        waits = self.from_neighbours(self.spill_seconds)
        return self.by_rank(self.unit_seconds) + waits + self.less_seconds

    @property
    def less_seconds(self) -> NDArray[np.float64]:
        """(W, P): by how much less each device does than if all row blocks were like the first."""
        return self._blocks.by_rank("load_seconds")

    @cached_property
    def rank_bytes(self) -> NDArray[np.float64]:
        """(W, 3): what the units on each device need of each tier, and copies of hot rows."""
        of_units = self.by_rank(self.unit_bytes) + self._blocks.by_rank("memory_bytes")
        total: NDArray[np.float64] = of_units + self._copied_bytes.sum(axis=0)
        return total

    @cached_property
    def rank_traffic(self) -> NDArray[np.float64] | None:
        """(W, 5): the columns of ``moved`` on each device; None where that is not predicted."""
        if self.traffic is None:
            return None
        return self.by_rank(moved(self.traffic)) + self._blocks.by_rank("traffic")

    @cached_property
    def total_traffic(self) -> NDArray[np.float64] | None:
        """(T, 5): the same of each table over all devices."""
        if self.traffic is None:
            return None
        whole = moved(self.traffic) * self.total_units[:, None]
        total: NDArray[np.float64] = whole + self._blocks.by_table("traffic")
        return total

    def by_rank(self, of_unit: NDArray[np.float64]) -> NDArray[np.float64]:
        """(W, K): what the units on each device add up to; ``of_unit`` is (T, K)."""
        units, total = self._units, np.zeros((self.world.size, of_unit.shape[1]))
        for extent in Extent:
            here = units.extent == extent
            summed = np.zeros((self.world.count_of(extent), of_unit.shape[1]))
            np.add.at(summed, units.place[here], of_unit[units.table[here]])
            total += np.repeat(summed, self.world.devices_of(extent), axis=0)
        return total

    def from_neighbours(self, of_unit: NDArray[np.float64]) -> NDArray[np.float64]:
        """(W, K): what the units on the node's other devices add up to; ``of_unit`` is (T, K)."""
        there = self.by_rank(of_unit)
        of_node = there.reshape(self.world.nodes, -1, there.shape[1]).sum(axis=1)
        others: NDArray[np.float64] = (
            np.repeat(of_node, self.world.devices_per_node, axis=0) - there
        )
        return others

    def units_on(self, rank: int) -> NDArray[np.int64]:
        """(T,): how many units of each table touch a device."""
        return self._count(self._units.place == rank // self._units.devices)

    def seconds_on(self, rank: int) -> NDArray[np.float64]:
        """(T, P): what each table adds to each phase of a device, from its neighbours too."""
        units = self.units_on(rank)
        here = self._with_spill(units, self._units_in(np.full(len(units), rank)) - units)
        total: NDArray[np.float64] = here + self._blocks.by_table("load_seconds", rank)
        return total

    def bytes_on(self, rank: int) -> NDArray[np.float64]:
        """(T, 3): what each table needs of each tier on a device."""
        whole = self.unit_bytes * self.units_on(rank)[:, None] + self._copied_bytes
        total: NDArray[np.float64] = whole + self._blocks.by_table("memory_bytes", rank)
        return total

    def take(self, tables: Sequence[int]) -> Ledger:
        """The same of some tables alone."""
        chosen = list(tables)
        taken = replace(
            self,
            decisions=tuple(self.decisions[table] for table in chosen),
            unit_seconds=self.unit_seconds[chosen],
            spill_seconds=self.spill_seconds[chosen],
            unit_bytes=self.unit_bytes[chosen],
        )
        # Known already, and slow to work out for one table after the other.
        vars(taken)["_blocks"] = self._blocks.of_tables(chosen)
        return taken

    @cached_property
    def slowest_seconds(self) -> NDArray[np.float64]:
        """(T, P): what each table adds to the device that holds most of it."""
        units = self.most_units
        return self._with_spill(units, self._units_in(self.slowest_ranks) - units)

    @cached_property
    def total_seconds(self) -> NDArray[np.float64]:
        """(T, P): what each table adds to all devices together."""
        others = self.total_units * (self.world.devices_per_node - 1)
        whole = self._with_spill(self.total_units, others)
        total: NDArray[np.float64] = whole + self._blocks.by_table("load_seconds")
        return total

    @cached_property
    def total_bytes(self) -> NDArray[np.float64]:
        """(T, 3): what each table needs of each tier of all devices together."""
        whole = self.unit_bytes * self.total_units[:, None] + self._copied_bytes * self.world.size
        total: NDArray[np.float64] = whole + self._blocks.by_table("memory_bytes")
        return total

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
    def _blocks(self) -> _Blocks:
        found = self.cost_model.block_costs(self._options)
        charged = {"load_seconds": self.unit_seconds, "memory_bytes": self.unit_bytes}
        if not len(found.option):  # No traffic is worked out that nobody asks for.
            charged["traffic"] = np.zeros((len(self.decisions), _MOVED_COLUMNS))
        elif self.traffic is not None:
            charged["traffic"] = moved(self.traffic)
        return _Blocks.of(found, charged, self._units, self.world.size)

    @cached_property
    def _options(self) -> OptionSet:
        return options_of(self.decisions)

    @cached_property
    def _units(self) -> _Units:
        return _Units.of(self.decisions, self.world)
