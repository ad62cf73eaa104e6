"""What the tables of a case may use, by its memory, its optimizer and its cost model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.options.hot_rows import all_hot_row_counts
from shardplan.options.offer import Offer, make_offer
from shardplan.options.option_set import OptionSet
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case


def offer_of(case: Case) -> Offer:
    """The kernels, and whether hot rows are kept."""
    hbm, ddr, ssd = case.capacity.free_bytes.clip(min=0.0).tolist()
    topology, tables = case.topology, case.workload.tables
    rows = np.array([table.rows for table in tables], dtype=np.int64)
    dims = np.array([table.dim for table in tables], dtype=np.int64)
    whole = _plain(ShardingType.TABLE_WISE, Kernel.FUSED, np.arange(len(tables)))
    pairs = np.array(list(all_hot_row_counts(case.workload)), dtype=np.int64).reshape(-1, 2)
    table, hot_rows = pairs.T
    copies = _plain(ShardingType.DATA_PARALLEL, Kernel.DENSE, table)
    copied_bytes = case.cost_model.shard_bytes(copies, hot_rows, dims[table]).sum(axis=1)
    return make_offer(
        case.cost_model.kernels,
        case.workload.training.optimizer,
        (hbm * topology.world_size, ddr * topology.nodes, ssd * topology.nodes),
        float(case.cost_model.shard_bytes(whole, rows, dims).sum()),
        hot_rows=case.cost_model.prices_hot_rows,
        copied_bytes=(copied_bytes * topology.world_size).tolist(),
    )


def _plain(kind: ShardingType, kernel: Kernel, table: NDArray[np.int64]) -> OptionSet:
    """Options of (n,) tables, all alike."""
    return OptionSet.uncached(
        table.astype(np.int32),
        SHARDING_TYPES.codes([kind] * len(table)),
        KERNELS.codes([kernel] * len(table)),
        np.ones(len(table), dtype=np.int32),
    )
