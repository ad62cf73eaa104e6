"""Sharded training against unsharded training: forward passes and weights after five steps."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

from training_case import TrainingCase, table_of, train_sharded, train_unsharded

from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.plan.file.table_entry import CacheEntry
from shardplan.workload.dtype import Dtype
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.optimizers.trainable import native_optimizers
from shardplan.workload.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from rank_group import RankGroup

TYPES = (
    "data_parallel",
    "table_wise",
    "column_wise",
    "row_wise",
    "table_row_wise",
    "table_column_wise",
    "grid_shard",
)
LAYOUTS = {2: 2, 4: 2, 8: 4}
"""Ranks, and how many of them share a node."""


def table(kind: str, world: int, local: int, name: str = "t", **more: Any) -> Any:
    """A table of the type, away from the first rank where there is a choice."""
    nodes = world // local
    targets: dict[str, tuple[int, ...]] = {
        "table_wise": (world - 1,),
        "column_wise": (1, 0, 1),
        "table_row_wise": (nodes - 1,),
        "table_column_wise": (nodes - 1,),
        "grid_shard": (nodes - 1, 0),
    }
    columns = {"column_wise": 3, "table_column_wise": local, "grid_shard": 2}
    sharded = kind.removeprefix("hot_")
    given = {"targets": targets.get(sharded, ()), "column_shards": columns.get(sharded, 1), **more}
    return table_of(name, 43, 48, kind, world, local, **given)


def check(case: TrainingCase, group: RankGroup, within: float = 1e-6) -> None:
    """Outputs and weights within ``within`` of unsharded, and the same bits when run again."""
    first, again = group.run(train_sharded, case), group.run(train_sharded, case)
    outputs, weights = train_unsharded(case)
    most = max(2.0, *(float(np.abs(each).max()) for each in weights.values()))
    rounded = case.rounded * most
    for rank, trained in enumerate(first):
        for step, output in enumerate(trained.outputs):
            np.testing.assert_allclose(output, outputs[step][rank], rtol=0, atol=within + rounded)
        for (name, shard, fields), (_, _, fields_again) in zip(
            trained.shards, again[rank].shards, strict=True
        ):
            whole = weights[name][shard.row_offset :, shard.column_offset :]
            part = whole[: shard.rows, : shard.columns]
            np.testing.assert_allclose(fields["weight"], part, rtol=0, atol=within)
            for field, values in fields.items():
                assert values.tobytes() == fields_again[field].tobytes()


@pytest.mark.parametrize("optimizer", native_optimizers())
@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("world", LAYOUTS)
def test_each_type_trains_like_the_unsharded_table(
    world: int, kind: str, optimizer: str, rank_group: Callable[[int], RankGroup]
) -> None:
    local = LAYOUTS[world]
    case = TrainingCase(
        tables=(table(kind, world, local, features=2),),
        world_size=world,
        local_world_size=local,
        optimizer=OptimizerSettings(optimizer),
        linear=optimizer.name in ("adagrad", "adam"),
    )
    check(case, rank_group(world))


def test_a_table_of_fewer_rows_than_ranks_trains_too(
    rank_group: Callable[[int], RankGroup],
) -> None:
    """The last of four ranks has no row of three."""
    few = table_of("few", 3, 16, "row_wise", 4, 2, features=2)
    assert [shard.rows for shard in few.shards] == [1, 1, 1, 0]
    settings = OptimizerSettings(Optimizer.ROWWISE_ADAGRAD)
    check(TrainingCase((few,), 4, 2, settings), rank_group(4))


@pytest.mark.parametrize("optimizer", native_optimizers())
@pytest.mark.parametrize("world", LAYOUTS)
def test_a_plan_that_mixes_all_types_trains_like_unsharded_tables(
    world: int, optimizer: str, rank_group: Callable[[int], RankGroup]
) -> None:
    local = LAYOUTS[world]
    kinds = [*TYPES, *reversed(TYPES)]
    tables = tuple(
        table(kind, world, local, name=f"t{i}", features=1 + i % 3) for i, kind in enumerate(kinds)
    )
    case = TrainingCase(
        tables,
        world,
        local,
        OptimizerSettings(optimizer),
        linear=optimizer.name in ("adagrad", "adam"),
    )
    check(case, rank_group(world))


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "adam"])
def test_column_shards_train_to_the_bits_of_whole_tables(
    optimizer: str, rank_group: Callable[[int], RankGroup]
) -> None:
    """Gradients of a row are added in the same order, although they depend on all sums before."""
    found = []
    for kind in ("table_wise", "column_wise"):
        tables = (table(kind, 2, 2, features=2),)
        case = TrainingCase(tables, 2, 2, OptimizerSettings(optimizer), linear=False)
        whole = np.zeros((43, 48), np.float32)
        for trained in rank_group(2).run(train_sharded, case):
            for _, shard, fields in trained.shards:
                first = shard.column_offset
                whole[:, first : first + shard.columns] = fields["weight"]
        found.append(whole)
    assert found[0].tobytes() == found[1].tobytes()


def mixed(world: int, **more: Any) -> tuple[Any, ...]:
    """Two tables of each type, the first of them as given."""
    local, kinds = LAYOUTS[world], [*TYPES, *reversed(TYPES)]
    return tuple(
        table(kind, world, local, name=f"t{i}", features=1 + i % 3, **(more if i < 7 else {}))
        for i, kind in enumerate(kinds)
    )


@pytest.mark.parametrize("optimizer", native_optimizers())
@pytest.mark.parametrize("world", LAYOUTS)
def test_averaged_tables_train_like_unsharded_ones_beside_summed_ones(
    world: int, optimizer: str, rank_group: Callable[[int], RankGroup]
) -> None:
    """A fifth of the samples of a feature has no ids."""
    settings = OptimizerSettings(optimizer, eps=1e-6)
    case = TrainingCase(mixed(world, is_mean=True), world, LAYOUTS[world], settings)
    case = replace(case, has_thirds=optimizer.name in ("sgd", "rowwise_adagrad"))
    check(case, rank_group(world))


@pytest.mark.parametrize("dtype", [Dtype.FP16, Dtype.BF16])
@pytest.mark.parametrize("comm", [Dtype.FP32, Dtype.FP16])
@pytest.mark.parametrize("world", LAYOUTS)
def test_tables_train_like_unsharded_where_outputs_are_in_half_precision(
    world: int, comm: Dtype, dtype: Dtype, rank_group: Callable[[int], RankGroup]
) -> None:
    """Sums and means of all types: gradients are exact in the format, and so weights are."""
    tables = (*mixed(world), *(replace(t, name=f"m{t.name}", is_mean=True) for t in mixed(world)))
    tables = tuple(replace(t, features=tuple(f"{t.name}.{f}" for f in t.features)) for t in tables)
    settings = OptimizerSettings(native_optimizers()[0])
    case = TrainingCase(tables, world, LAYOUTS[world], settings, comm=comm, output_dtype=dtype)
    check(case, rank_group(world))


@pytest.mark.parametrize("optimizer", native_optimizers())
@pytest.mark.parametrize("world", LAYOUTS)
def test_weighted_ids_train_like_unsharded(
    world: int, optimizer: str, rank_group: Callable[[int], RankGroup]
) -> None:
    """A sample reads a row more than once with different weights, some zero and some negative."""
    settings = OptimizerSettings(optimizer, eps=1e-6)
    case = TrainingCase(mixed(world), world, LAYOUTS[world], settings, is_weighted=True)
    check(case, rank_group(world))


def test_weighted_ids_train_through_caches_like_unsharded(
    rank_group: Callable[[int], RankGroup],
) -> None:
    """Whose batches are prefetched."""
    cache = {"kernel": "fused_uvm_caching", "cache": CacheEntry(load_factor=0.5)}
    kinds = ("table_wise", "column_wise", "row_wise")
    tables = tuple(table(kind, 2, 2, name=kind, **cache) for kind in kinds)
    settings = OptimizerSettings("rowwise_adagrad", eps=1e-6)
    case = TrainingCase(tables, 2, 2, settings, is_weighted=True)
    check(replace(case, pipeline=Pipeline.PREFETCH_SPARSE_DIST), rank_group(2))
