"""What each unit of each table costs, and on which devices the units lie."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.decision import options_of
from shardplan.sharding.kind import ShardingType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.cost.cost_model import Traffic
    from shardplan.plan.decision import Decision

_ON_DEVICES = (ShardingType.TABLE_WISE, ShardingType.COLUMN_WISE)
_EVERYWHERE = (ShardingType.ROW_WISE, ShardingType.DATA_PARALLEL)


@dataclass(frozen=True)
class Ledger:
    """T tables, P phases, W devices; a *unit* is the part of a table that is placed as a whole."""

    decisions: tuple[Decision, ...]
    unit_seconds: NDArray[np.float64]
    """(T, P): what a unit adds to each phase of each device that it lands on."""
    spill_seconds: NDArray[np.float64]
    """(T, P): what it adds there to the other devices of a node, which share memory with it."""
    unit_bytes: NDArray[np.float64]
    """(T, 3): what it needs there of each tier, buffers included."""
    traffic: Traffic | None
    """What it moves there between the tiers; None where the cost model does not say."""
    world_size: int
    devices_per_node: int

    @classmethod
    def of(cls, decisions: tuple[Decision, ...], case: Case) -> Ledger:
        """Cost the units of one decision per table, in the order of the tables."""
        options = options_of(decisions)
        costs = case.cost_model.unit_costs(options)
        return cls(
            decisions,
            costs.load_seconds,
            costs.spill_seconds,
            costs.memory_bytes,
            case.cost_model.traffic(options),
            case.topology.world_size,
            case.topology.devices_per_node,
        )

    def units_on(self, rank: int) -> NDArray[np.int64]:
        """(T,): how many units of each table touch a device."""
        wanted = np.array([rank, rank // self.devices_per_node])
        tables, targets, is_node = self._targets
        hits = tables[targets == wanted[is_node]]
        units = np.bincount(hits, minlength=len(self.decisions))
        return units + self._is_everywhere

    def seconds_on(self, rank: int) -> NDArray[np.float64]:
        """(T, P): what each table adds to each phase of a device, from its neighbours too."""
        units, each = self.units_on(rank), self.devices_per_node
        first = rank - rank % each
        of_node = sum(self.units_on(other) for other in range(first, first + each))
        return self._with_spill(units, of_node - units, slice(None))

    def seconds_of(self, table: int) -> NDArray[np.float64]:
        """(W, P): what one table adds to each phase of each device, from its neighbours too."""
        units, each = self.units_of(table), self.devices_per_node
        of_node = units.reshape(-1, each).sum(axis=1).repeat(each)
        return self._with_spill(units, of_node - units, table)

    @cached_property
    def slowest_seconds(self) -> NDArray[np.float64]:
        """(T, P): what each table adds to the device that holds most of it."""
        each = self.devices_per_node
        of_node = [
            self.units_of(table).reshape(-1, each)[rank // each].sum()
            for table, rank in enumerate(self.slowest_ranks.tolist())
        ]
        return self._with_spill(self.most_units, np.array(of_node) - self.most_units, slice(None))

    @cached_property
    def total_seconds(self) -> NDArray[np.float64]:
        """(T, P): what each table adds to all devices together."""
        others = self.total_units * (self.devices_per_node - 1)
        return self._with_spill(self.total_units, others, slice(None))

    def _with_spill(
        self, units: NDArray[np.int64], others: NDArray[np.int64], tables: int | slice
    ) -> NDArray[np.float64]:
        """(n, P): seconds of units and of the units on other devices of the node, (n,) each."""
        seconds, spill = self.unit_seconds[tables], self.spill_seconds[tables]
        total: NDArray[np.float64] = units[:, None] * seconds + others[:, None] * spill
        return total

    def by_rank(self, of_unit: NDArray[np.float64]) -> NDArray[np.float64]:
        """(W, K): what the units on each device add up to; ``of_unit`` is (T, K)."""
        tables, targets, is_node = self._targets
        nodes = self.world_size // self.devices_per_node
        on_device = np.zeros((self.world_size, of_unit.shape[1]))
        on_node = np.zeros((nodes, of_unit.shape[1]))
        for summed, chosen in ((on_device, is_node == 0), (on_node, is_node == 1)):
            np.add.at(summed, targets[chosen], of_unit[tables[chosen]])
        everywhere = of_unit[self._is_everywhere].sum(axis=0)
        total: NDArray[np.float64] = on_device + everywhere
        return total + np.repeat(on_node, self.devices_per_node, axis=0)

    def units_of(self, table: int) -> NDArray[np.int64]:
        """(W,): how many units of one table touch each device."""
        decision = self.decisions[table]
        if decision.sharding in _EVERYWHERE:
            return np.ones(self.world_size, dtype=np.int64)
        each = 1 if decision.sharding in _ON_DEVICES else self.devices_per_node
        return np.bincount(decision.targets, minlength=self.world_size // each).repeat(each)

    @cached_property
    def most_units(self) -> NDArray[np.int64]:
        """(T,): units on the device that holds most of a table."""
        return np.array([self._most(decision)[1] for decision in self.decisions])

    @cached_property
    def slowest_ranks(self) -> NDArray[np.int64]:
        """(T,): the first device that holds the most units of a table."""
        return np.array([self._most(decision)[0] for decision in self.decisions])

    @cached_property
    def total_units(self) -> NDArray[np.int64]:
        """(T,): units summed over all devices that they touch."""
        each, everyone = self.devices_per_node, self.world_size
        return np.array(
            [
                len(d.targets) * (1 if d.sharding in _ON_DEVICES else each)
                if d.sharding not in _EVERYWHERE
                else everyone
                for d in self.decisions
            ]
        )

    @cached_property
    def _is_everywhere(self) -> NDArray[np.bool_]:
        return np.array([decision.sharding in _EVERYWHERE for decision in self.decisions])

    @cached_property
    def _targets(self) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Per target: its table, the device or node, and 1 where it is a node."""
        counts = [len(decision.targets) for decision in self.decisions]
        tables = np.repeat(np.arange(len(self.decisions)), counts)
        targets = np.array([t for d in self.decisions for t in d.targets], dtype=np.int64)
        is_node = np.array([d.sharding not in _ON_DEVICES for d in self.decisions], dtype=np.int64)
        return tables, targets, is_node[tables]

    def _most(self, decision: Decision) -> tuple[int, int]:
        if not decision.targets:
            return 0, 1
        target, count = min(Counter(decision.targets).items(), key=lambda item: (-item[1], item[0]))
        return target * (1 if decision.sharding in _ON_DEVICES else self.devices_per_node), count
