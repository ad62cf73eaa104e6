"""Where the rows of a group of shards lie, by its compute kernel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from shardplan.executor.memory.row_cache import RowCache
from shardplan.executor.memory.row_store import ResidentRows
from shardplan.executor.tables.row_gradients import squares_of
from shardplan.executor.tables.update_rule import WEIGHT, Fields
from shardplan.executor.tensors.tensor import DTYPES
from shardplan.plan.file.table_entry import CacheEntry
from shardplan.sharding.kernel import MemoryTier
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from shardplan.executor.batch.bags import Bags
    from shardplan.executor.kernels.compiled_rows import CompiledRows
    from shardplan.executor.memory.memory_pool import MemoryPool, Pools
    from shardplan.executor.planned.module_layout import GroupLayout
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.tables.row_gradients import RowGradients
    from shardplan.executor.tables.summed_rows import SummedRows
    from shardplan.executor.tables.update_rule import UpdateRule
    from shardplan.executor.tensors.tensor import Tensor

_STATE_BYTES = 4


@dataclass(frozen=True, slots=True)
class GroupStore:
    """The weights of a group, which may be cached, and its optimizer state, which is not."""

    weights: ResidentRows | RowCache
    state: dict[str, ResidentRows]
    """By name; fp32 whatever the weights are."""
    compiled: CompiledRows | None = None
    """What updates rows, instead of PyTorch's kernels."""

    def lookup(self, bags: Bags) -> Tensor:
        """(bags..., columns) fp32: the sum of each bag's rows by their weights."""
        if isinstance(self.weights, ResidentRows) and self.weights.is_direct:
            ids, weights = bags.ids, self.weights.values
        else:
            ids, weights = bags.positions(), self.weights.read(bags.distinct.rows).float()
        pooled = functional.embedding_bag(
            ids,
            weights,
            bags.offsets(),
            mode="sum",
            per_sample_weights=bags.weights,
            include_last_offset=True,
        )
        return pooled.view(*bags.lengths.shape, pooled.shape[1])

    def settled(self) -> Fields:
        """All rows, as they lie in the tier that holds the table."""
        every = {WEIGHT: self.weights, **self.state}
        return {name: rows_of.settled() for name, rows_of in every.items()}

    def update(
        self,
        rule: UpdateRule,
        gradients: RowGradients | SummedRows,
        squares: Tensor | None,
        dim: int,
    ) -> None:
        """Run the optimizer over the rows that have a gradient, which is used up.

        ``squares`` (U,) are sums over all ``dim`` columns of the table, where others than these are
        to count for row-wise Adagrad.
        """
        fields = (self.weights, *self.state.values())
        if self.compiled is not None and all(_is_direct(each) for each in fields):
            weights, *state = (each.settled() for each in fields)
            self.compiled.update(
                rule.settings, rule.step, gradients.rows, gradients.members, squares, dim,
                weights, state,
            )  # fmt: skip
            return
        for cut, sums in gradients.chunks():
            mean = None
            if rule.wants_squares:
                own = squares_of(sums, self.compiled) if squares is None else squares[cut]
                mean = own / dim
            self._update(rule, gradients.rows[cut], sums, mean)

    def _update(self, rule: UpdateRule, rows: Tensor, sums: Tensor, squares: Tensor | None) -> None:
        """Of distinct rows; ``squares`` (rows,) are the means of squared gradients."""
        state = {name: rows_of.read(rows) for name, rows_of in self.state.items()}
        if self.compiled is None:
            rule.apply(state, sums, squares)
        else:
            fields = list(state.values())
            sums = self.compiled.change(rule.settings, rule.step, fields, sums, squares)
        self.weights.add(rows, sums)
        for name, rows_of in self.state.items():
            rows_of.write(rows, state[name])


def _is_direct(rows: ResidentRows | RowCache) -> bool:
    return isinstance(rows, ResidentRows) and rows.is_direct


def store_of(
    layout: GroupLayout,
    optimizer: OptimizerSettings,
    pools: Pools,
    compiled: CompiledRows | None = None,
) -> GroupStore:
    """Room for the rows of a group. Raises MemoryExceeded before any tier gives more than it has.

    Optimizer state lies where FBGEMM keeps it, and the planner counts it: beside the weights of
    tables in DDR, but for the one number a row of row-wise Adagrad; otherwise in HBM.
    """
    kernel = layout.shards[0].table.kernel
    rows = layout.base_rows[-1]
    columns = optimizer.state_columns(layout.width)
    is_row_wise = optimizer.kind is Optimizer.ROWWISE_ADAGRAD
    in_ddr = kernel.state_in is MemoryTier.DDR and not is_row_wise
    pool = pools.ddr if in_ddr else pools.hbm
    pool.require(rows * _STATE_BYTES * sum(columns.values()), "optimizer state")
    weights = _weights(layout, pools)
    state = {
        name: ResidentRows(pool.allocate((rows, width), torch.float32, "state"), pools.hbm.device)
        for name, width in columns.items()
    }
    return GroupStore(weights, state, compiled)


def _weights(layout: GroupLayout, pools: Pools) -> ResidentRows | RowCache:
    table = layout.shards[0].table
    cache = table.cache or CacheEntry(load_factor=0.0)
    device = pools.hbm.device
    if table.kernel.reads_ddr:
        return _resident(layout, pools.ddr, device)
    if table.kernel.caches_ddr:
        whole = _resident(layout, pools.ddr, device)
        return _cached(layout, whole, pools.hbm, cache.load_factor, cache.algorithm, has_map=True)
    if table.kernel.is_on_ssd:
        whole = _resident(layout, pools.ssd, "cpu")
        share = cache.ddr_load_factor or 0.0
        # What leaves HBM says how much it is worth, whichever algorithm found it so.
        middle = _cached(layout, whole, pools.ddr, share, CacheAlgorithm.LRU) if share else whole
        share, algorithm = cache.load_factor, cache.algorithm
        return _cached(layout, middle, pools.hbm, share, algorithm, passage=pools.ddr)
    return _resident(layout, pools.hbm, device)


def _resident(layout: GroupLayout, pool: MemoryPool, device: object) -> ResidentRows:
    dtype = DTYPES[layout.shards[0].table.dtype]
    values = pool.allocate((layout.base_rows[-1], layout.width), dtype, "weights")
    return ResidentRows(values, device)


def _cached(
    layout: GroupLayout,
    below: ResidentRows | RowCache,
    pool: MemoryPool,
    share: float,
    algorithm: CacheAlgorithm,
    has_map: bool = False,
    passage: MemoryPool | None = None,
) -> RowCache:
    rows = layout.base_rows[-1]
    return RowCache(
        below,
        pool,
        rows,
        max(1, round(share * rows)),
        layout.width,
        layout.shards[0].table.dtype,
        algorithm=algorithm,
        has_map=has_map,
        passage=passage,
    )
