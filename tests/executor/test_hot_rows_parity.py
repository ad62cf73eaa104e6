"""Hot rows on every rank: trained like unsharded tables, saved whole, refused where not known."""

from __future__ import annotations

import warnings
from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from test_parity import LAYOUTS, table
from training_case import (
    TrainingCase,
    contents,
    sharded,
    table_of,
    train_unsharded,
    trained,
)

from shardplan.executor.batch.jagged_batch import JaggedBatch
from shardplan.executor.checkpoint.checkpoint import load_checkpoint, save_checkpoint
from shardplan.executor.native.untrainable import unsendable
from shardplan.executor.planned.hot_ids import (
    fingerprint_of_ids,
    hot_ids_faults,
    with_hot_ids,
)
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.plan.file.training_facts import WireFormats
from shardplan.workload.access import Zipf
from shardplan.workload.drawn.drawn_ids import draw_ids, hottest_ids
from shardplan.workload.dtype import Dtype
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.row_order import RowOrder
from shardplan.workload.table import Table
from shardplan.workload.wire.reduction import Reduction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from rank_group import RankGroup

HOT_IDS = np.array([2, 40, 0, 21, 7])
"""Of 43 rows; two of the three that batches read again and again."""


def hot_table(world: int, name: str = "hot", kind: str = "hot_row_wise", **more: Any) -> Any:
    found = table(kind, world, LAYOUTS[world], name=name, **more)
    return replace(found, replicated_rows=len(HOT_IDS), hot_ids=HOT_IDS)


def case_of(world: int, optimizer: str, **more: Any) -> TrainingCase:
    """Tables with hot rows between others of all ways to travel."""
    local = LAYOUTS[world]
    tables = (
        table("row_wise", world, local, name="t0"),
        hot_table(world, features=2),
        table("data_parallel", world, local, name="t2"),
        hot_table(world, "mean", is_mean=True),
        hot_table(world, "whole", "hot_table_wise", features=2),
        hot_table(world, "columns", "hot_column_wise", features=2),
        hot_table(world, "means", "hot_column_wise", is_mean=True),
        hot_table(world, "node", "hot_table_row_wise"),
        table("table_row_wise", world, local, name="t4"),
    )
    return TrainingCase(tables, world, local, OptimizerSettings(optimizer), **more)


def train_settled(case: TrainingCase) -> Any:
    """Outputs and shards of this rank, hot rows among them as they were trained."""
    collection = sharded(case)
    found = trained(case, collection)
    collection.hot_rows.settle()
    copies = {each.table.name: each.fields for each in collection.replicated.hot_parts}
    weights = {name: fields["weight"].numpy().copy() for name, fields in copies.items()}
    return replace(found, shards=contents(collection)), weights


def check(case: TrainingCase, answers: list[Any]) -> None:
    outputs, weights = train_unsharded(case)
    for rank, (found, copies) in enumerate(answers):
        for step, output in enumerate(found.outputs):
            np.testing.assert_allclose(output, outputs[step][rank], rtol=0, atol=1e-6)
        for name, shard, fields in found.shards:
            whole = weights[name][shard.row_offset :, shard.column_offset :]
            part = whole[: shard.rows, : shard.columns]
            np.testing.assert_allclose(fields["weight"], part, rtol=0, atol=1e-6)
        for name, copy in copies.items():
            np.testing.assert_allclose(copy, weights[name][HOT_IDS], rtol=0, atol=1e-6)
            assert copy.tobytes() == answers[0][1][name].tobytes()


@pytest.mark.parametrize("optimizer", ["sgd", "rowwise_adagrad"])
@pytest.mark.parametrize("world", [2, 4])
def test_hot_rows_train_like_those_of_unsharded_tables(
    world: int, optimizer: str, rank_group: Callable[[int], RankGroup]
) -> None:
    case = case_of(world, optimizer, linear=False, pipeline=Pipeline.SPARSE_DIST)
    check(case, rank_group(world).run(train_settled, case))


def test_weights_of_ids_count_for_hot_rows_and_others(
    rank_group: Callable[[int], RankGroup],
) -> None:
    case = replace(case_of(2, "sgd"), is_weighted=True)
    tables = tuple(replace(each, is_mean=False) for each in case.tables)
    case = replace(case, tables=tables)
    check(case, rank_group(2).run(train_settled, case))


def zipf_batch_bytes(hot_rows: int, samples: int, comm: Dtype = Dtype.FP32) -> dict[str, int]:
    """To the other rank, in a step on one id a sample of 20,000 rows by Zipf's law."""
    rows = 20_000
    drawn = Table("hot", "sparse", rows, 48, Dtype.FP32, ("hot.0",), (1.0,), Zipf(1.05))
    kept = table_of("hot", rows, 48, "hot_row_wise", 2, 2)
    hot_ids = hottest_ids(drawn, hot_rows)
    kept = replace(kept, replicated_rows=hot_rows, hot_ids=hot_ids)
    collection = sharded(TrainingCase((kept,), 2, 2, OptimizerSettings("sgd"), comm=comm))
    ids = draw_ids(drawn, samples, np.random.default_rng(collection.mesh.rank))
    lengths = torch.ones(1, samples, dtype=torch.int64)
    collection.mesh.sent_bytes.clear()
    collection(JaggedBatch(("hot.0",), torch.from_numpy(ids), lengths)).sum().backward()
    return dict(collection.mesh.sent_bytes)


def test_a_thousandth_of_the_rows_spares_the_exchange_what_their_ids_would_have_sent(
    rank_group: Callable[[int], RankGroup],
) -> None:
    """Half of all ids of cold rows are those of the other rank."""
    samples, chances = 20_000, np.arange(1, 20_001) ** -1.05
    cold = 1 - chances[:20].sum() / chances.sum()
    sent = rank_group(2).run(zipf_batch_bytes, 20, samples)
    for what in ("the exchange of sums beside hot rows", "the exchange of their gradients"):
        both = sum(of_rank[what] for of_rank in sent)
        assert both == pytest.approx(samples * cold * 48 * 4, rel=0.03)


def save(case: TrainingCase, folder: str) -> Any:
    collection = sharded(case)
    trained(case, collection)
    save_checkpoint(folder, 5, collection.mesh, {"sparse": collection})
    return contents(collection)


def load(case: TrainingCase, path: str) -> Any:
    collection = sharded(replace(case, seed=99))
    load_checkpoint(path, collection.mesh, {"sparse": collection})
    copies = {each.table.name: each.fields for each in collection.replicated.hot_parts}
    fields = {
        name: {field: values.numpy().copy() for field, values in of.items()}
        for name, of in copies.items()
    }
    return contents(collection), fields


def test_checkpoints_hold_hot_rows_as_they_are_and_go_to_plans_without_any(
    tmp_path: Path, rank_group: Callable[[int], RankGroup]
) -> None:
    case = case_of(2, "rowwise_adagrad")
    plain = replace(
        case, tables=tuple(table("row_wise", 2, 2, name=t.name, features=len(t.features))
                           if t.keeps_hot_rows else t for t in case.tables)
    )  # fmt: skip
    group = rank_group(2)
    group.run(save, case, str(tmp_path))
    path = str(next(tmp_path.glob("step-*")))
    _, weights = train_unsharded(case)
    for shards, _ in group.run(load, plain, path):
        for name, shard, fields in shards:
            part = weights[name][shard.row_offset :][: shard.rows]
            np.testing.assert_allclose(fields["weight"], part, rtol=0, atol=1e-6)
    for _, copies in group.run(load, case, path):
        for name, fields in copies.items():
            np.testing.assert_allclose(fields["weight"], weights[name][HOT_IDS], atol=1e-6)
            assert fields["row_sum"].max() > 0


def test_checkpoints_go_to_other_ranks_and_other_hot_rows(
    tmp_path: Path, rank_group: Callable[[int], RankGroup]
) -> None:
    """From 2 ranks to 4, and from five hot rows of a table to eight, two of which were hot."""
    rank_group(2).run(save, case_of(2, "rowwise_adagrad"), str(tmp_path))
    path, ids = str(next(tmp_path.glob("step-*"))), np.array([7, 1, 21, 9, 40, 42, 30, 3])
    case = case_of(4, "rowwise_adagrad")
    tables = (replace(t, replicated_rows=8, hot_ids=ids) if t.keeps_hot_rows else t
              for t in case.tables)  # fmt: skip
    _, weights = train_unsharded(case_of(2, "rowwise_adagrad"))
    sums: dict[str, Any] = {}
    for shards, copies in rank_group(4).run(load, replace(case, tables=tuple(tables)), path):
        for name, shard, fields in shards:
            whole = weights[name][shard.row_offset :, shard.column_offset :]
            part = whole[: shard.rows, : shard.columns]
            np.testing.assert_allclose(fields["weight"], part, rtol=0, atol=1e-6)
            rows = sums.setdefault(name, np.zeros(43, np.float32))
            rows[shard.row_offset : shard.row_offset + shard.rows] = fields["row_sum"][:, 0]
        assert len(copies) == 6
        for name, fields in copies.items():
            np.testing.assert_allclose(fields["weight"], weights[name][ids], atol=1e-6)
            sums.setdefault(f"{name} copied", fields["row_sum"][:, 0])
    for name in copies:
        np.testing.assert_array_equal(sums[f"{name} copied"], sums[name][ids])


def view_of(*tables: Any) -> Any:
    from shardplan.executor.planned.plan_view import PlanView

    return PlanView("p", 2, 2, tables, training=None)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("ids", "words"),
    [
        ((), "its 5 hottest rows are on every rank, and none is named"),
        ([1, 2, 3], "and 3 are named"),
        ([1, 2, 3, 2, 4], "ids 2 are said to be hot twice"),
        ([1, 2, 3, 43, 4], "ids 43 are said to be hot, and no rows of 43"),
        ([0.5] * 5, "ids are whole numbers"),
        ([1, 2, 3, 4, 5, 6, 6], "ids 6 are said to be hot twice"),
        ([1, 2, 3, 4, 5, 5], "ids 5 are said to be hot twice"),
        ([*range(42), -1, 43], "ids -1, 43 are said to be hot, and no rows of 43"),
        (np.arange(6).reshape(2, 3), "those that are said to be hot are 2-d"),
        ([[1, 2], [3, 4, 5]], "ids are whole numbers"),
        (["a"] * 5, "ids are whole numbers"),
    ],
)
def test_lists_of_hot_ids_that_are_none_are_refused(ids: Any, words: str) -> None:
    view = view_of(replace(hot_table(2), hot_ids=None))
    (fault,) = hot_ids_faults(view, {"hot": ids} if len(ids) else {})
    assert words in fault.message
    assert fingerprint_of_ids(view.tables[0], {"hot": ids}) == []


def test_the_hottest_of_a_longer_list_are_taken() -> None:
    view = view_of(replace(hot_table(2), hot_ids=None), table("row_wise", 2, 2))
    given = {"sparse/hot": np.arange(20, dtype=np.int32)}
    assert list(hot_ids_faults(view, given)) == []
    taken = with_hot_ids(view, given).tables
    assert taken[0].hot_ids.tolist() == [0, 1, 2, 3, 4]
    assert taken[1] is view.tables[1]


def test_hot_ids_by_frequency_are_the_first_ones() -> None:
    view = view_of(replace(hot_table(2, ids=RowOrder.BY_FREQUENCY), hot_ids=None))
    assert list(hot_ids_faults(view, {})) == []
    assert with_hot_ids(view, {}).tables[0].hot_ids.tolist() == [0, 1, 2, 3, 4]


def test_outputs_of_half_precision_are_rounded_once(
    rank_group: Callable[[int], RankGroup],
) -> None:
    case = replace(case_of(2, "sgd"), output_dtype=Dtype.FP16)
    tables = tuple(replace(each, is_mean=False) for each in case.tables)
    case = replace(case, tables=tables)
    outputs, _ = train_unsharded(case)
    for rank, (found, _) in enumerate(rank_group(2).run(train_settled, case)):
        np.testing.assert_allclose(found.outputs[0], outputs[0][rank], atol=case.rounded * 4)


def test_ranks_that_take_other_ids_for_hot_are_told_apart() -> None:
    others = [HOT_IDS, HOT_IDS.astype(np.int32), [*HOT_IDS, 9], HOT_IDS + 1]
    same, narrow, longer, other = (
        fingerprint_of_ids(hot_table(2), {"hot": each}) for each in others
    )
    assert same == narrow == longer != other


def test_sums_beside_hot_rows_travel_in_the_format_of_the_wire_and_nothing_else_does(
    rank_group: Callable[[int], RankGroup],
) -> None:
    wide, narrow = (
        rank_group(2).run(zipf_batch_bytes, 20, 500, comm) for comm in (Dtype.FP32, Dtype.FP16)
    )
    what = "the exchange of sums beside hot rows"
    assert [each[what] for each in narrow] == [each[what] / 2 for each in wide]
    assert not any("pooled" in name for each in wide for name in each)


def test_other_row_blocks_may_travel_in_another_format() -> None:
    pair = {"forward": "fp32", "backward": "fp32"}
    formats = {"forward": "fp16", "backward": "fp16", "reduce_scatter": pair}
    training = SimpleNamespace(comm_dtype=WireFormats.model_validate(formats))
    tables = hot_table(2), table("table_wise", 2, 2)
    assert list(unsendable(replace(view_of(*tables), training=training))) == []
    rows = table("row_wise", 2, 2, name="rows")
    (fault,) = unsendable(replace(view_of(*tables, rows), training=training))
    assert "in one exchange" in fault.message


def with_hot(ids: Sequence[int]) -> TrainingCase:
    """One table, of whose gradients a tenth is sent."""
    hot = replace(hot_table(2), replicated_rows=len(ids), hot_ids=np.array(ids))
    return TrainingCase((hot,), 2, 2, OptimizerSettings("sgd"), reduction=Reduction(top_k=0.1))


def save_unsent(case: TrainingCase, folder: str) -> None:
    """Of each row its id and the rank, as if it had not been sent."""
    collection = sharded(case)
    ((kept, rest),) = collection.replicated.rests
    ids = torch.arange(len(rest)) if kept.hot_ids is None else torch.from_numpy(kept.hot_ids)
    rest.copy_((ids + 100 * (collection.mesh.rank + 1)).unsqueeze(1).expand_as(rest))
    save_checkpoint(folder, 5, collection.mesh, {"sparse": collection})


def load_unsent(case: TrainingCase, folder: str) -> Any:
    collection = sharded(case)
    ((_, rest),) = collection.replicated.rests
    rest.fill_(7.0)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        load_checkpoint(f"{folder}/step-000000005", collection.mesh, {"sparse": collection})
    assert torch.equal(rest, rest[:, :1].expand_as(rest))
    return rest[:, 0].tolist(), [str(each.message) for each in told if "lost" in str(each.message)]


def test_what_is_not_sent_of_a_row_is_that_row_s_under_other_hot_ids_and_plans(
    tmp_path: Path, rank_group: Callable[[int], RankGroup]
) -> None:
    every_row = replace(with_hot(HOT_IDS), tables=(table("data_parallel", 2, 2, name="hot"),))
    group, rows = rank_group(2), range(every_row.tables[0].rows)
    group.run(save_unsent, with_hot(HOT_IDS), str(tmp_path / "hot"))
    group.run(save_unsent, every_row, str(tmp_path / "every"))
    for case, ids, lost in (
        (with_hot(HOT_IDS[::-1]), HOT_IDS[::-1], 0),
        (with_hot([7, 30, 2]), [7, 30, 2], 3),
        (every_row, rows, 0),
    ):
        for rank, (found, told) in enumerate(group.run(load_unsent, case, str(tmp_path / "hot"))):
            assert found == [100 * (rank + 1) + i if i in HOT_IDS else 0 for i in ids]
            words = f"what a rank had not sent of sparse/hot is lost for up to {lost} rows"
            assert [words in each for each in told] == [True] * (lost > 0 and rank == 0)
    answers = group.run(load_unsent, with_hot([7, 30, 2]), str(tmp_path / "every"))
    for rank, (found, told) in enumerate(answers):
        assert found == [100 * (rank + 1) + i for i in (7, 30, 2)]
        assert ["for up to 40 rows" in each for each in told] == [True] * (rank == 0)
