"""The engine on ``torch.distributed`` alone."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from shardplan.cost.phases import DENSE
from shardplan.errors import InputError
from shardplan.executor.checkpoint.checkpoint import load_checkpoint, save_checkpoint
from shardplan.executor.exchange.mesh import Mesh
from shardplan.executor.memory.memory_pool import Pools
from shardplan.executor.memory.row_cache import RowCache
from shardplan.executor.native.input_pipeline import InputPipeline
from shardplan.executor.native.phase_clock import PhaseClock
from shardplan.executor.native.sharded_tables import shard_tables
from shardplan.executor.native.warm_caches import warm_caches
from shardplan.executor.planned.acceptance import drawn_batch_faults, pipeline_faults
from shardplan.executor.train.dlrm import DenseLayers
from shardplan.executor.train.measurement import RankMeasurement
from shardplan.executor.train.sample_vectors import mean_of_rows
from shardplan.executor.train.step_clock import StepClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from shardplan.executor.batch.jagged_rows import JaggedRows
    from shardplan.executor.memory.row_store import Tier
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.executor.train.engine import EngineSetup, TrainingBatch

_WHAT = "the sum of dense gradients"
_DRAWING = "the wait for the batches of all ranks"


class NativeEngine:
    """A small DLRM whose tables are sharded collections; rows that are not pooled are averaged."""

    def __init__(self, setup: EngineSetup) -> None:
        """Raises PlanRefused, InputError and MemoryExceeded before any table is allocated."""
        view = setup.view
        if found := [*drawn_batch_faults(view), *pipeline_faults(view)]:
            raise InputError(found).agreed()
        self.mesh = Mesh(view.local_world_size, setup.device, setup.timeout_seconds)
        self.pools = Pools.on(setup.device, setup.limits, setup.ssd_folder)
        self.clock = PhaseClock(setup.device, setup.is_measured)
        self.tables = shard_tables(
            view,
            self.mesh,
            setup.optimizer,
            model=None,  # Made from the plan, below.
            pools=self.pools,
            clock=self.clock,
            seed=setup.seed,
            hot_ids=setup.hot_ids,
        )
        self._hot_counts = setup.hot_counts
        warm_caches(self.tables, self._hot_counts)
        dims = [table.dim for table in view.tables for _ in table.features]
        self.dense = DenseLayers(setup.dense_features, dims, setup.seed).to(setup.device)
        rate = setup.optimizer.learning_rate
        self._optimizer = torch.optim.SGD(self.dense.parameters(), lr=rate)
        self._pipeline = InputPipeline(self.tables.values(), view.training.pipeline)
        self._steps = StepClock(setup.device, setup.is_measured, self._wait_for_all)

    def train(self, batches: Iterable[TrainingBatch]) -> Iterator[Tensor]:
        """One step for each batch; this rank's loss of each."""
        self._steps.begin()
        for batch, inputs in self._pipeline.batches(self._steps.drawn(batches)):
            tables = zip(self.tables.values(), inputs, strict=True)
            pooled = torch.cat([_vectors(table(each)) for table, each in tables], 1)
            loss = self._loss(batch, pooled)
            self._pipeline.advance()
            self._optimizer.zero_grad()
            loss.backward()
            self._average_gradients()
            self._optimizer.step()
            self._steps.end()
            yield loss.detach()
            self._steps.begin()

    def save(self, folder: Path, step: int) -> None:
        """Write a checkpoint of tables and dense layers. Raises SaveFailed."""
        save_checkpoint(folder, step, self.mesh, self.tables, self.dense.state_dict())

    def load(self, path: Path, trust: bool = False) -> None:
        """Read one; with ``trust`` one that may run code too. Raises CheckpointError."""
        load_checkpoint(path, self.mesh, self.tables, self.dense.state_dict(), trust)
        warm_caches(self.tables, self._hot_counts)

    def forget_measurements(self) -> None:
        """Measure from here on."""
        self.clock.seconds.clear()
        self.mesh.sent_bytes.clear()
        self._steps.seconds.clear()
        for _, _, _, cache in self._caches():
            cache.forget_counts()

    def measured(self) -> RankMeasurement:
        """Means per step; memory at its peak."""
        steps = max(1, len(self._steps.seconds))
        pools = (self.pools.hbm, self.pools.ddr, self.pools.ssd)
        return RankMeasurement(
            rank=self.mesh.rank,
            steps=len(self._steps.seconds),
            step_seconds=self._steps.mean_seconds,
            phases={name: each / steps for name, each in self.clock.seconds.items()},
            memory_bytes={pool.tier: pool.peak_bytes for pool in pools},
            memory_by_use={pool.tier: dict(pool.bytes_by_use) for pool in pools},
            sent_bytes={what: count / steps for what, count in self.mesh.sent_bytes.items()},
            caches=[
                {"module": module, "table": table, "tier": tier} | asdict(cache.means(steps))
                for module, table, tier, cache in self._caches()
            ],
        )

    def _loss(self, batch: TrainingBatch, pooled: Tensor) -> Tensor:
        device = self.mesh.device
        with self.clock.phase(DENSE):
            logits = self.dense(batch.dense.to(device), pooled)
            return binary_cross_entropy_with_logits(logits, batch.labels.to(device))

    def _wait_for_all(self) -> None:
        self.mesh.all.wait_for_all(_DRAWING)

    def _average_gradients(self) -> None:
        """The mean over ranks, added up in the order of ranks."""
        if self.mesh.world_size == 1:
            return
        gradients = [parameter.grad for parameter in self.dense.parameters()]
        flat = torch.cat([gradient.view(-1) for gradient in gradients])
        with self.clock.phase(DENSE):
            total = self.mesh.all.all_reduce(flat, _WHAT) / self.mesh.world_size
        parts = total.split([gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))

    def _caches(self) -> Iterator[tuple[str, str, str, RowCache]]:
        """Every cache on this rank: of which module and table, in which tier."""
        for module, collection in self.tables.items():
            for group in collection.groups:
                rows: Tier = group.weights
                for tier in ("hbm", "ddr"):
                    if isinstance(rows, RowCache):
                        yield module, group.layout.shards[0].table.name, tier, rows
                        rows = rows.below


def _vectors(output: Tensor | dict[str, JaggedRows]) -> Tensor:
    """(samples, columns of all features) fp32 of what a collection gives."""
    if isinstance(output, dict):
        return torch.cat([mean_of_rows(of.values, of.lengths) for of in output.values()], 1)
    return output.float()
