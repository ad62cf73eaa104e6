"""Tables behind caches train bit for bit as tables in memory do."""

from __future__ import annotations

import resource
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from training_case import TrainingCase, sharded, table_of, train_sharded, trained

from shardplan.errors import MemoryExceeded
from shardplan.executor.exchange.mesh import Mesh
from shardplan.executor.memory.memory_pool import FilePool, MemoryPool, Pools
from shardplan.executor.native.collection import ShardedEmbeddingBagCollection
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.executor.planned.tier_limits import TierLimits
from shardplan.plan.file.table_entry import CacheEntry
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.optimizers.trainable import native_optimizers
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rank_group import RankGroup

CACHES = {
    "fused_uvm": None,
    "fused_uvm_caching": CacheEntry(load_factor=0.05),
    "key_value": CacheEntry(load_factor=0.05, ddr_load_factor=0.1),
}


def case_of(kernel: str, optimizer: str = "adagrad", **more: Any) -> TrainingCase:
    table = table_of("t", 640, 8, "table_wise", 1, 1, targets=(0,), features=2)
    cached = replace(table, kernel=KERNELS.named(kernel), cache=CACHES.get(kernel))
    other = table_of("u", 50, 8, "table_wise", 1, 1, targets=(0,))
    optimizer_of = OptimizerSettings(optimizer, eps=1e-8)
    given: dict[str, Any] = {"samples": 9, "steps": 12, "linear": False} | more
    return TrainingCase((cached, other), 1, 1, optimizer_of, **given)


def assert_same(one: Any, other: Any) -> None:
    for mine, theirs in zip(one.outputs, other.outputs, strict=True):
        assert mine.tobytes() == theirs.tobytes()
    by_name = {(name, shard): fields for name, shard, fields in other.shards}
    for name, shard, fields in one.shards:
        for field, values in fields.items():
            np.testing.assert_array_equal(values, by_name[name, shard][field])


@pytest.mark.parametrize("pipeline", [Pipeline.NONE, Pipeline.PREFETCH_SPARSE_DIST])
@pytest.mark.parametrize("optimizer", native_optimizers())
@pytest.mark.parametrize("kernel", CACHES)
def test_a_table_of_20_times_its_cache_trains_as_in_memory(
    kernel: str, optimizer: str, pipeline: Pipeline
) -> None:
    case = case_of(kernel, optimizer, pipeline=pipeline)
    collection = sharded(case, Mesh(1))
    assert_same(
        trained(case, collection),
        trained(case_of("fused", optimizer), sharded(case_of("fused", optimizer), Mesh(1))),
    )
    caches = [group.weights for group in collection.groups if hasattr(group.weights, "counters")]
    assert len(caches) == (kernel != "fused_uvm")
    for cache in caches:
        assert cache.slots * 20 <= 640
        assert cache.counters.hits > 0
        assert cache.counters.evictions > 0


@pytest.mark.parametrize("algorithm", list(CacheAlgorithm))
@pytest.mark.parametrize("dtype", ["fp16", "bf16"])
def test_half_precision_weights_survive_their_moves(dtype: str, algorithm: CacheAlgorithm) -> None:
    case = case_of("key_value")
    tables = [replace(table, dtype=dtype) for table in case.tables]
    cache = CACHES["key_value"].model_copy(update={"algorithm": algorithm})
    away = replace(case, tables=(replace(tables[0], cache=cache), tables[1]))
    near = replace(case, tables=(replace(tables[0], kernel=Kernel.FUSED, cache=None), tables[1]))
    one, other = (trained(each, sharded(each, Mesh(1))) for each in (away, near))
    assert_same(one, other)


@pytest.mark.parametrize("kernel", ["fused_uvm_caching", "key_value"])
def test_a_table_of_20_times_the_pool_trains_as_in_memory(kernel: str) -> None:
    """HBM is a twentieth of the weights alone: the pool holds cache, ids, sums and gradients."""
    table = table_of("t", 20_000, 64, "table_wise", 1, 1, targets=(0,))
    in_memory = TrainingCase(
        (table,), 1, 1, OptimizerSettings(Optimizer.ADAGRAD), steps=8, linear=False
    )
    cached = replace(
        table, kernel=KERNELS.named(kernel), cache=CacheEntry(load_factor=0.02, ddr_load_factor=0.2)
    )
    # Adagrad's state lies beside the weights of a table in DDR, and in HBM of one on SSD.
    settings = OptimizerSettings(
        Optimizer.ADAGRAD if kernel == "fused_uvm_caching" else Optimizer.SGD
    )
    away = replace(in_memory, tables=(cached,), optimizer=settings)
    pools = Pools.on("cpu", TierLimits(20_000 * 64 * 4 // 20))
    collection = ShardedEmbeddingBagCollection((cached,), Mesh(1), settings, pools=pools)
    near = replace(in_memory, optimizer=settings)
    assert_same(trained(away, collection), trained(near, sharded(near, Mesh(1))))
    assert 0 < pools.hbm.peak_bytes <= 20_000 * 64 * 4 // 20


def test_rows_of_key_value_tables_lie_in_a_file(tmp_path: Path) -> None:
    case = case_of("key_value")
    pools = Pools.on("cpu", folder=tmp_path)
    collection = ShardedEmbeddingBagCollection(case.tables, Mesh(1), case.optimizer, pools=pools)
    assert pools.ssd.used_bytes == 640 * 8 * 4
    after = trained(case, collection)
    (file,) = tmp_path.iterdir()
    weights = next(fields["weight"] for name, _, fields in after.shards if name == "t")
    assert file.read_bytes() == weights.tobytes()


def test_rows_on_ssd_leave_nothing_behind_however_the_process_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no folder is named."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    rows = FilePool().allocate((4, 2), torch.float32, "weights")
    rows[2] = 7.0
    assert rows.tolist() == [[0, 0], [0, 0], [7, 7], [0, 0]]
    assert list(tmp_path.iterdir()) == []


def test_a_disk_too_small_is_told_before_rows_are_written(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        pool = FilePool(tmp_path)
        with pytest.raises(MemoryExceeded, match=r"no room for the 1,024 more .*: File too large"):
            pool.allocate((256,), torch.float32, "weights")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert pool.used_bytes == 0


def test_a_pool_too_small_is_refused_before_anything_is_allocated() -> None:
    case = case_of("fused")
    pools = Pools.on("cpu", TierLimits(640 * 8 * 4))
    with pytest.raises(MemoryExceeded, match="hbm"):
        ShardedEmbeddingBagCollection(case.tables, Mesh(1), case.optimizer, pools=pools)


def test_a_machine_too_small_is_told_as_a_pool_too_small_is() -> None:
    pool = MemoryPool("ddr")
    with pytest.raises(MemoryExceeded, match=r"ddr .* this machine has no room .* weights needs"):
        pool.allocate((1 << 58,), torch.float32, "weights")
    assert pool.used_bytes == 0


def test_evaluation_leaves_no_row_pinned_and_changes_nothing() -> None:
    case = case_of("fused_uvm_caching")
    collection = sharded(case, Mesh(1))
    from training_case import batch_of

    with torch.no_grad():
        first = collection(batch_of(case, 0, 0))
        again = collection(batch_of(case, 0, 0))
    assert torch.equal(first, again)
    assert collection.pools.hbm.bytes_by_use["ids"] > 0
    (cache,) = [g.weights for g in collection.groups if hasattr(g.weights, "counters")]
    everything = torch.arange(640)
    assert int((cache.stage(everything, everything) >= 0).sum()) == cache.slots


@pytest.mark.parametrize("kernel", ["fused_uvm_caching", "key_value"])
def test_row_and_column_shards_behind_caches_train_as_in_memory(
    kernel: str, rank_group: Callable[[int], RankGroup]
) -> None:
    def case(kernel: str, cache: CacheEntry | None) -> TrainingCase:
        tables = tuple(
            replace(table, kernel=KERNELS.named(kernel), cache=cache)
            for table in (
                table_of("r", 301, 8, "row_wise", 2, 2),
                table_of("c", 300, 8, "column_wise", 2, 2, targets=(0, 1), column_shards=2),
            )
        )
        settings = OptimizerSettings(Optimizer.ROWWISE_ADAGRAD)
        return TrainingCase(
            tables, 2, 2, settings, pipeline=Pipeline.PREFETCH_SPARSE_DIST, linear=False
        )

    group = rank_group(2)
    cached = group.run(train_sharded, case(kernel, CACHES[kernel]))
    resident = group.run(train_sharded, case("fused", None))
    for one, other in zip(cached, resident, strict=True):
        assert_same(one, other)
