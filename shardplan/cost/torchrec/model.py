"""TorchRec's own estimator as a cost model: plans under its ruler, its plans under ours."""

from __future__ import annotations

from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.cost_model import BlockCosts, Charges, UnitCosts
from shardplan.cost.dense.memory import dense_memory_bytes
from shardplan.cost.dense_costs import DenseCosts
from shardplan.cost.row_blocks import other_blocks
from shardplan.cost.torchrec.perf import (
    Wire,
    kernel_bytes_per_second,
    prefetch_seconds,
    shard_seconds,
)
from shardplan.cost.torchrec.phases import torchrec_phases
from shardplan.cost.torchrec.shards import ShardArrays
from shardplan.cost.torchrec.storage import (
    buffer_bytes,
    optimizer_state_per_weight,
    weight_bytes,
)
from shardplan.cost.torchrec.tables import TableArrays
from shardplan.sharding.kernel import KERNELS
from shardplan.workload.dtype import Dtype
from shardplan.workload.row_reads import row_distributions, unique_rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.phase import Phase
    from shardplan.cost.torchrec.constants import TorchRecConstants
    from shardplan.cost.torchrec.shards import Values
    from shardplan.options.option_set import OptionSet
    from shardplan.sharding.kernel import Kernel
    from shardplan.topology.topology import Topology
    from shardplan.workload.row_distribution import RowDistribution
    from shardplan.workload.wire.reduction import Reduction
    from shardplan.workload.workload import Workload


class TorchRecCostModel:
    """Predicts what TorchRec's planner predicts, for pooled tables on GPUs.

    Where TorchRec asks for statistics of a cache (only under the prefetching pipeline here), the
    tables' access skew stands in for them. Communication in fp32 means no codec: TorchRec then
    sends the table's own dtype.
    """

    def __init__(
        self, workload: Workload, topology: Topology, constants: TorchRecConstants
    ) -> None:
        self._workload = workload
        self._constants = constants
        self._world = topology.world
        samples = workload.global_batch / topology.world_size
        self._tables = TableArrays.of(workload, samples)
        self._dense_bytes = dense_memory_bytes(
            workload.training, ceil(samples), topology.whole.world
        )

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The parts of TorchRec's ``Perf.total``, none of them hidden."""
        return torchrec_phases(self._world, self._constants.bandwidths)

    @property
    def dense(self) -> DenseCosts:
        """What is given: TorchRec's planner prices no layers."""
        return DenseCosts.given(self._workload.training)

    @property
    def base_memory_bytes(self) -> NDArray[np.float64]:
        """(3,): the dense model, and the copies of a local batch's ids that TorchRec keeps free."""
        memory = self._constants.memory
        batch = np.ceil(self._tables.ids.sum() * memory.id_bytes) * memory.kjt_copies
        return np.array([self._dense_bytes + batch, 0, 0])

    @property
    def kernels(self) -> frozenset[Kernel]:
        """All that TorchRec has; of dynamic tables its planner knows nothing."""
        return frozenset(kernel for kernel in KERNELS if not kernel.is_dynamic)

    @property
    def reduction(self) -> Reduction:
        """As the training has it, or flat: TorchRec's planner knows no other."""
        return self._workload.training.reduction.settled[0]

    @property
    def mixes_caches(self) -> bool:
        """TorchRec rounds a cache's bytes and caps them."""
        return False

    @property
    def prices_hot_rows(self) -> bool:
        """TorchRec has no such tables."""
        return False

    def unit_costs(self, options: OptionSet) -> UnitCosts:
        """What each unit of each option costs a device."""
        shards = self._shards(options)
        seconds = shard_seconds(
            shards, self._world, self._wire(shards), self._rates(options), self._constants
        )
        load = np.column_stack(
            [
                seconds.fwd_compute,
                seconds.fwd_comms,
                seconds.bwd_comms,
                seconds.bwd_compute,
                self._prefetch(options, shards),
            ]
        )
        each = options.shards_per_device(self._world)[:, None]
        return UnitCosts.unshared(load * each, self._memory(options, shards))

    def mean_seconds(self, options: OptionSet) -> NDArray[np.float64]:
        """(O, P): the same as of each: to TorchRec row shards are alike."""
        return self.unit_costs(options).load_seconds

    def block_costs(self, options: OptionSet) -> BlockCosts:
        """TorchRec takes as much time for each row shard; the last may need less memory."""
        charged = self.unit_costs(options)
        tables = self._tables.rows.astype(np.int64)
        even = np.zeros(len(tables), dtype=bool)
        option, block, held = other_blocks(options, tables, even, self._world)
        cut = options.take(option)
        columns = _columns(cut, self._tables.columns[cut.table])
        memory = self._memory(cut, self._cut(cut, held.astype(np.float64), columns))
        return BlockCosts(option, block, charged.load_seconds[option], memory, None)

    def charges(self, options: OptionSet) -> Charges:
        """None: TorchRec adds up tables one by one."""
        return Charges.none(len(options), len(self.phases))

    def traffic(self, options: OptionSet) -> None:
        """TorchRec does not say."""

    def shard_bytes(
        self, options: OptionSet, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(O, 3): bytes of a shard of this size in each tier: weights, state and cache; none of an
        empty one."""
        size = rows.astype(np.float64), columns.astype(np.float64)
        held = self._weights(options, self._cut(options, *size))
        return held * (rows * columns > 0)[:, None]

    def _shards(self, options: OptionSet) -> ShardArrays:
        """One of the equal shards of each option, row blocks at full height."""
        rows = np.ceil(self._tables.rows[options.table] / options.row_shards(self._world))
        return self._cut(options, rows, _columns(options, self._tables.columns[options.table]))

    def _cut(self, options: OptionSet, rows: Values, columns: Values) -> ShardArrays:
        """Shards of ``rows`` x ``columns`` of the options' tables."""
        tables = self._tables.take(options.table)
        return ShardArrays(
            sharding=options.sharding,
            rows=rows,
            columns=columns,
            ids=tables.ids,
            outputs=tables.outputs,
            element_bytes=tables.element_bytes,
            is_weighted=tables.weighted > 0,
            is_pooled=tables.pooled > 0,
        )

    def _memory(self, options: OptionSet, shards: ShardArrays) -> Values:
        """(O, 3): bytes of the shards of one unit on each device, and of their buffers."""
        memory = self._weights(options, shards)
        pipeline = self._workload.training.pipeline
        memory[:, 0] += buffer_bytes(
            shards, self._world, options.kernel, pipeline, self._constants.memory
        )
        held: Values = memory * options.shards_per_device(self._world)[:, None]
        return held

    def _weights(self, options: OptionSet, shards: ShardArrays) -> Values:
        tables = self._tables.take(options.table)
        state = optimizer_state_per_weight(self._workload.training.optimizer, tables.columns)
        memory = self._constants.memory
        shares = options.hbm_share, options.ddr_share
        return weight_bytes(shards, tables, options.kernel, *shares, state, memory)

    def _wire(self, shards: ShardArrays) -> Wire:
        wires = self._workload.training.wires
        forward, backward, summed, gathered = (
            shards.element_bytes
            if each.name == Dtype.FP32
            else np.full(len(shards.ids), each.element_bytes)
            for pair in (wires.pooled_all_to_all, wires.reduce_scatter)
            for each in pair
        )
        return Wire(forward, backward, summed, gathered)

    def _rates(self, options: OptionSet) -> Values:
        return kernel_bytes_per_second(
            options.kernel, options.hbm_share, self._prefetches, self._constants
        )

    def _prefetch(self, options: OptionSet, shards: ShardArrays) -> Values:
        """(O,): seconds to fill the caches, where the pipeline does that ahead of time.

        Missed are the distinct rows times the share of the accesses that are not cached.
        """
        cached = np.flatnonzero(options.has_kernel(lambda kernel: kernel.caches_ddr))
        misses = np.zeros(len(options))
        if self._prefetches:
            misses[cached] = [
                self._unique_rows[table] * (1 - self._distributions[table].hottest_share(share))
                for table, share in zip(
                    options.table[cached].tolist(), options.hbm_share[cached].tolist(), strict=True
                )
            ]
        return prefetch_seconds(shards, self._world, misses, self._constants.bandwidths)

    @property
    def _prefetches(self) -> bool:
        return self._workload.training.pipeline.prefetches

    @cached_property
    def _distributions(self) -> tuple[RowDistribution, ...]:
        return row_distributions(self._workload.tables)

    @cached_property
    def _unique_rows(self) -> Values:
        """(T,): distinct rows of a global batch."""
        ids = np.array([table.ids_per_sample for table in self._workload.tables])
        return unique_rows(self._distributions, self._workload.global_batch * ids)


def _columns(options: OptionSet, dim: Values) -> Values:
    """(O,): columns of a shard, of the widest where they are not all alike."""
    return np.where(options.widest > 0, options.widest, dim / options.column_shards)
