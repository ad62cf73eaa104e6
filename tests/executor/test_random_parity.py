"""Random plans of random models: sharded training against unsharded training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("torch")

from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from test_parity import LAYOUTS, TYPES, check
from training_case import TrainingCase, table_of

from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.options.limits import row_split_is_legal
from shardplan.plan.file.table_entry import CacheEntry
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.trainable import native_optimizers
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.training import CacheAlgorithm

if TYPE_CHECKING:
    from collections.abc import Callable

    from rank_group import RankGroup

EXAMPLES = {2: 25, 4: 20, 8: 10}
"""By ranks; on few cores a case takes longer the more there are."""
KERNELS = {
    "fused": None,
    "fused_uvm": None,
    "fused_uvm_caching": CacheEntry(load_factor=0.3),
    "key_value": CacheEntry(load_factor=0.2, ddr_load_factor=0.3, algorithm=CacheAlgorithm.LFU),
}


@st.composite
def tables(draw: st.DrawFn, name: str, world: int, local: int, averages: bool) -> Any:
    """A table of any legal cut, and of means where some of them average."""
    kind = draw(st.sampled_from(TYPES))
    row_blocks = {"row_wise": world, "table_row_wise": local, "grid_shard": local}.get(kind, 1)
    legal = [rows for rows in range(1, 70) if row_split_is_legal(rows, row_blocks)]
    shards = draw(st.integers(1, 3)) if kind in ("column_wise", "grid_shard") else 1
    shards = local * draw(st.integers(1, 2)) if kind == "table_column_wise" else shards
    node, rank = st.integers(0, world // local - 1), st.integers(0, world - 1)
    place = {"table_wise": rank, "column_wise": rank}.get(kind, node)
    count = 0 if kind in ("data_parallel", "row_wise") else shards
    count = 1 if kind == "table_column_wise" else count
    kernels = ["dense"] if kind == "data_parallel" else [*KERNELS]
    kernel = draw(st.sampled_from(kernels))
    return table_of(
        name,
        draw(st.sampled_from(legal)),
        4 * shards * draw(st.integers(1, 3)),
        kind,
        world,
        local,
        targets=tuple(draw(place) for _ in range(count)),
        column_shards=shards,
        features=draw(st.integers(1, 2)),
        kernel=kernel,
        cache=KERNELS.get(kernel),
        is_mean=draw(st.booleans()) if averages else False,
    )


@st.composite
def cases(draw: st.DrawFn, world: int) -> TrainingCase:
    """Up to five tables, a few samples; sums, means or weighted ids, in any format."""
    local = draw(st.sampled_from([n for n in (1, 2, 4, 8) if world % n == 0]))
    optimizer = draw(st.sampled_from(native_optimizers()))
    names = [f"t{i}" for i in range(draw(st.integers(1, 5)))]
    ids = draw(st.sampled_from(["summed", "averaged", "weighted"]))
    output_dtype = draw(st.sampled_from(Dtype))
    return TrainingCase(
        tables=tuple(draw(tables(name, world, local, ids == "averaged")) for name in names),
        world_size=world,
        local_world_size=local,
        optimizer=OptimizerSettings(optimizer, eps=1e-6),
        samples=draw(st.integers(1, 6)),
        pipeline=draw(st.sampled_from([each for each in Pipeline if not each.course.dense_covers])),
        seed=draw(st.integers(0, 1000)),
        is_weighted=ids == "weighted",
        output_dtype=output_dtype,
        linear=optimizer.name in ("adagrad", "adam") or output_dtype is not Dtype.FP32,
    )


@pytest.mark.slow
@pytest.mark.parametrize("world", LAYOUTS)
def test_random_plans_train_like_unsharded_tables(
    world: int, rank_group: Callable[[int], RankGroup]
) -> None:
    @examples(EXAMPLES[world])
    @given(cases(world))
    def holds(case: TrainingCase) -> None:
        check(case, rank_group(world))

    holds()
