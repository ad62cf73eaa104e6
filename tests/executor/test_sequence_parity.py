"""The native engine in the place of an EmbeddingCollection: a row for each id, trained alike."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torchrec")

import sequence_case
from sequence_case import SequenceCase
from training_case import table_of

from shardplan.executor.checkpoint.checkpoint import latest_checkpoint
from shardplan.plan.file.table_entry import CacheEntry
from shardplan.workload.dtype import Dtype
from shardplan.workload.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from rank_group import RankGroup

    Group = Callable[[int], RankGroup]

pytestmark = pytest.mark.filterwarnings("ignore")
TYPES = ("table_wise", "column_wise", "row_wise", "data_parallel")


def table(kind: str, world: int, name: str = "t", **more: Any) -> Any:
    """On the last ranks, with two features, some columns of 4 and some of 8."""
    shards = 3 if kind == "column_wise" else 1
    targets = {"table_wise": (world - 1,), "column_wise": (world - 1, 0, world - 1)}.get(kind, ())
    features = more.pop("features", 2)
    return table_of(
        name, more.pop("rows", 31), 12, kind, world, world,
        targets=targets, column_shards=shards, features=features, **more,
    )  # fmt: skip


def mixed(world: int) -> tuple[Any, ...]:
    """Two tables of each type, one feature read by two tables, and another dim."""
    tables = [table(kind, world, f"{kind}{i}") for i in range(2) for kind in TYPES]
    shared = replace(tables[1], features=(tables[0].features[0], "own"))
    wider = table_of("wider", 17, 20, "row_wise", world, world)
    return (tables[0], shared, *tables[2:], wider)


def check(case: SequenceCase, group: RankGroup, within: float = 1e-6) -> None:
    for outputs, weights, _ in group.run(sequence_case.compared, case):
        assert outputs <= within
        assert weights <= within


@pytest.mark.parametrize("dedup", [False, True], ids=["all ids", "distinct ids"])
@pytest.mark.parametrize("optimizer", ["sgd", "rowwise_adagrad"])
@pytest.mark.parametrize("kind", TYPES)
def test_each_type_trains_like_the_unsharded_collection(
    kind: str, optimizer: str, dedup: bool, rank_group: Group
) -> None:
    """Outputs, their lengths and weights over five steps; batches differ in size."""
    check(SequenceCase((table(kind, 2),), 2, optimizer, dedup), rank_group(2))


@pytest.mark.parametrize("dedup", [False, True], ids=["all ids", "distinct ids"])
@pytest.mark.parametrize("pipeline", [p for p in Pipeline if not p.course.dense_covers])
@pytest.mark.parametrize("world", [2, 4])
def test_all_types_beside_each_other_train_like_the_unsharded_collection(
    world: int, pipeline: Pipeline, dedup: bool, rank_group: Group
) -> None:
    case = SequenceCase(mixed(world), world, "rowwise_adagrad", dedup, pipeline)
    check(case, rank_group(world))


@pytest.mark.parametrize("dedup", [False, True], ids=["all ids", "distinct ids"])
@pytest.mark.parametrize("dtype", [Dtype.FP16, Dtype.BF16])
@pytest.mark.parametrize("world", [2, 4])
def test_rows_come_in_half_precision_from_tables_that_train_alike(
    world: int, dtype: Dtype, dedup: bool, rank_group: Group
) -> None:
    case = SequenceCase(mixed(world), world, "rowwise_adagrad", dedup, output_dtype=dtype)
    check(case, rank_group(world))


def test_the_same_bits_come_out_again(rank_group: Group) -> None:
    case = SequenceCase(mixed(2), 2, "rowwise_adagrad", dedup=True)
    assert all(rank_group(2).run(sequence_case.alike, case))


def test_rows_are_looked_up_through_caches(rank_group: Group) -> None:
    cache = {"kernel": "fused_uvm_caching", "cache": CacheEntry(load_factor=0.7)}
    tables = tuple(table(kind, 2, kind, **cache) for kind in TYPES[:3])
    check(SequenceCase(tables, 2, pipeline=Pipeline.PREFETCH_SPARSE_DIST), rank_group(2))


def test_rows_travel_in_half_precision(rank_group: Group) -> None:
    check(SequenceCase(mixed(2), 2, comm=Dtype.FP16, steps=1), rank_group(2), within=2e-3)


def test_each_distinct_id_is_sent_once_and_nothing_stays_behind(rank_group: Group) -> None:
    """Ids are of 31 rows, half of them 0 or 1."""
    case = SequenceCase((table("table_wise", 2), table("row_wise", 2, "u")), 2, samples=100)
    for distinct, every in rank_group(2).run(sequence_case.asked_rows, case):
        assert distinct == 2 * 31
        assert every > 600


@pytest.mark.parametrize("dedup", [False, True])
def test_an_id_that_is_no_row_is_refused_by_its_feature(dedup: bool, rank_group: Group) -> None:
    case = SequenceCase((table("row_wise", 2),), 2, dedup=dedup)
    for told in rank_group(2).run(sequence_case.told_of, case):
        assert told == "feature t.0: id 1000000 is no row of a table of 31 rows"


def test_a_checkpoint_loads_under_another_cut_and_number_of_ranks(
    rank_group: Group, tmp_path: Path
) -> None:
    """Weights and state bit by bit, of distinct ids or all of them."""
    case = SequenceCase(mixed(2), 2, "rowwise_adagrad", dedup=True)
    before = whole_of(case, rank_group(2).run(sequence_case.saved, case, str(tmp_path)))
    turned = [
        table(kind, 4, t.name, features=len(t.features), rows=t.rows)
        for t, kind in zip(case.tables[:-1], TYPES * 2, strict=True)
    ]
    wider = table_of("wider", 17, 20, "data_parallel", 4, 4)
    other = SequenceCase((*turned, wider), 4, case.optimizer)
    path = latest_checkpoint(tmp_path)
    answers = rank_group(4).run(sequence_case.loaded, other, str(path))
    after = whole_of(other, answers)
    assert before.keys() == after.keys()
    for key, values in before.items():
        assert np.array_equal(values, after[key]), key


def whole_of(case: SequenceCase, answers: list[Any]) -> dict[tuple[str, str], Any]:
    """By table and field, what all ranks hold together."""
    shapes = {each.name: (each.rows, each.dim) for each in case.tables}
    found: dict[tuple[str, str], Any] = {}
    for name, shard, fields in (held for answer in answers for held in answer):
        rows, dim = shapes[name]
        for field, values in fields.items():
            is_row_wise = field == "row_sum"
            whole = found.setdefault(
                (name, field), np.full((rows, 1 if is_row_wise else dim), np.nan)
            )
            column = 0 if is_row_wise else shard.column_offset
            end = shard.row_offset + shard.rows
            whole[shard.row_offset : end, column : column + values.shape[1]] = values
    return found
