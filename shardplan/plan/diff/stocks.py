"""What devices held of tables under an old plan, and what of it no option can keep in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.options.option_set import OptionSet
    from shardplan.plan.diff.holding import Holding


@dataclass(frozen=True, slots=True)
class Stocks:
    """Weights of n tables that W devices held, in bytes."""

    whole: NDArray[np.float64]
    """(n,): of the rows that a table has now and had then."""
    block: NDArray[np.float64]
    """(n,): of one row-wise block of today."""
    held: NDArray[np.float64]
    """(n, W): never more than ``whole``."""
    on_devices: NDArray[np.float64]
    """(n, W): what the best devices hold together: of one, of two, ..."""
    on_nodes: NDArray[np.float64]
    """(n, N): the same of the best nodes."""

    @classmethod
    def of(cls, old: Sequence[Holding], case: Case, tables: Sequence[int]) -> Stocks:
        """Of some tables of a case, each with its old holding."""
        now, topology = [case.workload.tables[table] for table in tables], case.topology
        counts = [len(each.rank) for each in old]
        table = np.repeat(np.arange(len(now)), counts)
        rank = np.concatenate([np.zeros(0, np.int64), *(each.rank for each in old)])
        none = np.zeros((0, 2), np.int64)
        first = np.concatenate([none, *(each.first for each in old)])
        end = np.concatenate([none, *(each.end for each in old)])
        rows = np.array([each.rows for each in now], dtype=np.int64)
        row_bytes = np.array([each.row_bytes for each in now], dtype=np.int64)
        width = np.array([each.dtype.bytes for each in now], dtype=np.int64)
        common = np.zeros(len(now), dtype=np.int64)
        np.maximum.at(common, table, end[:, 0])
        common = np.minimum(common, rows)
        height = (np.minimum(end[:, 0], common[table]) - first[:, 0]).clip(min=0)
        sizes = (height * (end[:, 1] - first[:, 1]) * width[table]).astype(np.float64)
        held = np.zeros((len(now), topology.world_size))
        there = rank < topology.world_size
        np.add.at(held, (table[there], rank[there]), sizes[there])
        by_node = held.reshape(len(now), topology.nodes, -1).sum(axis=2)
        return cls(
            whole=(common * row_bytes).astype(np.float64),
            block=(-(-rows // topology.world_size) * row_bytes).astype(np.float64),
            held=held,
            on_devices=np.cumsum(np.sort(held, axis=1)[:, ::-1], axis=1),
            on_nodes=np.cumsum(np.sort(by_node, axis=1)[:, ::-1], axis=1),
        )

    def least_bytes(self, options: OptionSet, stock: NDArray[np.int64]) -> NDArray[np.float64]:
        """(O,): what no way to place an option of the ``stock`` (O,) can keep where it is."""
        replicated = (self.whole[:, None] - self.held).sum(axis=1)
        in_order = self.whole - np.minimum(self.held, self.block[:, None]).sum(axis=1)
        least = np.where(
            options.has_type(lambda kind: kind.is_replicated), replicated[stock], in_order[stock]
        )
        units = options.units
        lands = SHARDING_TYPES.each(lambda kind: kind.lands, options.sharding)
        for extent, best in ((Extent.DEVICE, self.on_devices), (Extent.NODE, self.on_nodes)):
            here = np.flatnonzero(lands == extent)
            count = np.minimum(units[here], best.shape[1])
            least[here] = self.whole[stock[here]] - best[stock[here], count - 1]
        found: NDArray[np.float64] = least.clip(min=0.0)
        return found
