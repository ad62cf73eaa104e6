"""Plans that cannot run here are refused, and the message says what differs. Needs no PyTorch."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import accumulate
from typing import TYPE_CHECKING, Any

import pytest
from random_specs import TOPOLOGY

from shardplan.build_case import case_of_value
from shardplan.errors import InputError, MemoryExceeded, PlanRefused
from shardplan.executor.planned.acceptance import (
    check_ranks,
    drawn_batch_faults,
    memory_faults,
    native_faults,
    optimizer_faults,
    pipeline_faults,
    rank_faults,
    whole_batch_faults,
)
from shardplan.executor.planned.mismatch import model_faults, optimizer_class_faults
from shardplan.executor.planned.plan_view import view_plan
from shardplan.executor.planned.tier_limits import TierLimits
from shardplan.model.sparse_module import ModuleKind, SparseModule, SparseTable
from shardplan.plan.file.read import parse_plan, read_plan
from shardplan.plan.file.write import render
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.workload.collection import POOLED, Collection
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from shardplan.diagnostics import Diagnostic


@pytest.fixture(scope="module")
def plan_text() -> str:
    """A plan of two modules on two nodes of two devices."""
    spec = {
        "name": "small",
        "batch": {"local": 64},
        "topology": TOPOLOGY,
        "training": {"optimizer": "adam", "comm_dtype": {"forward": "fp16", "backward": "bf16"}},
        "tables": [
            {"name": "a", "rows": 1000, "dim": 16, "pooling": 2, "features": ["x", "y"]},
            {"name": "b", "rows": 500, "dim": 8, "pooling": 1, "module": "other.ebc"},
        ],
    }
    return render(make_plan(case_of_value(spec, "spec"), Settings("greedy"), Reporter()))


def model_of(text: str) -> list[SparseModule]:
    view = view_plan(parse_plan(text, "plan.json"))
    return [
        SparseModule(
            path,
            "EmbeddingBagCollection",
            ModuleKind.BAG,
            tuple(
                SparseTable(t.name, t.rows, t.dim, t.dtype.value, t.features)
                for t in view.tables_of(path)
            ),
            collection=POOLED,
        )
        for path in view.modules
    ]


def told(faults: Iterable[Diagnostic]) -> list[str]:
    return [f"{fault.path}: {fault.message}" for fault in faults]


def test_a_view_holds_what_the_plan_says(plan_text: str) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    assert view.modules == ("sparse.ebc", "other.ebc")
    assert (view.training.optimizer.name, view.training.local_batch) == ("adam", 64)
    assert (view.training.comm_dtype.forward, view.training.comm_dtype.backward) == ("fp16", "bf16")
    first = view.tables[0]
    assert (first.rows, first.dim, first.features) == (1000, 16, ("x", "y"))
    assert not [*model_faults(view.name, view.tables, model_of(plan_text), view.collection_of)]
    assert not [*rank_faults(view, 4, 2)]


def test_ranks_and_nodes_that_differ_are_named(plan_text: str) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    with pytest.raises(PlanRefused) as refused:
        check_ranks(view, 8, 4)
    assert refused.value.differences == (
        "it is for 4 ranks, here are 8",
        "it is for 2 ranks per node, here are 4",
    )


def test_every_difference_of_the_model_is_named(plan_text: str) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    first, second = model_of(plan_text)
    other = replace(
        first.tables[0], rows=999, dim=32, dtype="fp16", features=("y", "z"), device_type="cpu"
    )
    renamed = replace(second.tables[0], name="c")
    modules = [replace(first, tables=(other,)), replace(second, tables=(renamed,))]
    assert told(model_faults(view.name, view.tables, modules, view.collection_of)) == [
        "plan.sparse.ebc.a.rows: 1000; the model has 999",
        "plan.sparse.ebc.a.dim: 16; the model has 32",
        "plan.sparse.ebc.a.dtype: fp32; the model has fp16",
        "plan.sparse.ebc.a.features: x, y; the model has y, z",
        "plan.sparse.ebc.a: the model holds it whole on cpu, and its weights would be lost",
        "plan.other.ebc.b: the model's 'other.ebc' has no such table",
        "plan.other.ebc: lacks 'c', a table of the model's 'other.ebc'",
    ]


def test_means_that_the_model_sums_are_named_and_not_the_other_way_round(plan_text: str) -> None:
    """Plans from before there were means in them say nothing of any."""
    view = view_plan(parse_plan(plan_text, "plan.json"))
    first, second = model_of(plan_text)
    means = [replace(each, is_mean=True) for each in view.tables[:1]] + [*view.tables[1:]]
    assert told(model_faults(view.name, means, [first, second], view.collection_of)) == [
        "plan.sparse.ebc.a.pooling_type: mean; the model has sum"
    ]
    averaged = replace(first, tables=(replace(first.tables[0], pooling="mean"),))
    for tables in (means, view.tables):
        assert not [*model_faults(view.name, tables, [averaged, second], view.collection_of)]


def test_a_module_with_its_own_batch_is_refused_where_all_share_one(plan_text: str) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    assert not [*drawn_batch_faults(view)]
    own = Collection(batch_share=0.25)
    first, *rest = view.tables
    (found,) = told(
        drawn_batch_faults(replace(view, tables=(replace(first, collection=own), *rest)))
    )
    assert found.startswith("modules.sparse.ebc: it is planned with 0.25 of the batch")


def test_features_of_a_table_may_stand_in_another_order_in_the_model(plan_text: str) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    first, second = model_of(plan_text)
    turned = replace(first, tables=(replace(first.tables[0], features=("y", "x")),))
    assert not [*model_faults(view.name, view.tables, [turned, second], view.collection_of)]


def test_every_sparse_module_without_a_plan_is_named_with_its_class(plan_text: str) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    first, second = model_of(plan_text)
    modules = [
        replace(first, other_paths=("twin.ebc",)),
        SparseModule("sequences", "OurSequences", ModuleKind.SEQUENCE),
        SparseModule("other", "OurTower", ModuleKind.OTHER),
        replace(second, path="more.ebc"),
    ]
    assert told(model_faults(view.name, view.tables, modules, view.collection_of)) == [
        "twin.ebc: EmbeddingBagCollection: the same module as sparse.ebc",
        "sequences: OurSequences: tables whose rows are not pooled",
        "other: OurTower: tables of another kind",
        "more.ebc: EmbeddingBagCollection: the plan has none of its tables (b)",
    ]


def test_a_table_that_the_model_trains_by_another_optimizer_is_named(plan_text: str) -> None:
    first, second = model_of(plan_text)
    (table,) = second.tables
    for optimizers, wanted in ((("Adam",), 0), (("SGD",), 1), (("Adam", "SGD"), 1)):
        given = replace(second, tables=(replace(table, optimizers=optimizers),))
        assert len([*optimizer_class_faults("plan", Optimizer.ADAM, [first, given])]) == wanted


def test_another_optimizer_is_refused(plan_text: str) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    assert not [*optimizer_faults(view, Optimizer.ADAM)]
    assert told(optimizer_faults(view, Optimizer.SGD)) == [
        "training.optimizer: it is for adam, here is sgd"
    ]


def test_a_plan_predicted_to_exceed_the_pool_is_refused_once_for_all_ranks(plan_text: str) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    needs = [each.hbm for each in view.predicted_bytes]
    assert not [*memory_faults(view, TierLimits(hbm_bytes=max(needs)))]
    (fault,) = memory_faults(view, TierLimits(hbm_bytes=10))
    most = f"{max(needs):,} bytes predicted, 10 offered"
    assert most in fault.message
    ranks = f"ranks 0-{len(needs) - 1}" if len(needs) > 1 else "rank 0"
    assert fault.message.startswith(f"the plan does not fit on {ranks}: hbm: ")


def test_a_plan_without_room_is_refused_on_all_ranks_alike(plan_text: str) -> None:
    pytest.importorskip("torch")
    from shardplan.executor.ranks.room import check_memory

    view = view_plan(parse_plan(plan_text, "plan.json"))
    with pytest.raises(MemoryExceeded, match="the plan does not fit on rank") as refused:
        check_memory(view, TierLimits(hbm_bytes=10))
    assert refused.value.is_agreed


def entry(rank: int, offsets: list[int], sizes: list[int]) -> dict[str, Any]:
    return {
        "shard_offsets": offsets,
        "shard_sizes": sizes,
        "placement": f"rank:{rank}/cuda:{rank % 2}",
        "memory_bytes": {"hbm": 0, "ddr": 0, "ssd": 0},
    }


def rows_on(ranks: list[int], sizes: list[int]) -> list[dict[str, Any]]:
    """Row shards of these heights, one below the other."""
    firsts = accumulate(sizes, initial=0)
    cuts = zip(ranks, firsts, sizes, strict=False)
    return [entry(rank, [first, 0], [size, 16]) for rank, first, size in cuts]


@pytest.mark.parametrize(
    ("sharding", "shards", "fault"),
    [
        ("table_wise", [entry(0, [0, 0], [999, 16])], "rows 999..1000 of columns 0..16 are in no"),
        ("table_wise", [entry(4, [0, 0], [1000, 16])], "rank 4 is not one of 0..3"),
        ("column_wise", [entry(rank, [0, 0], [1000, 8]) for rank in (0, 1)], "1 overlap from row"),
        ("row_wise", rows_on([1, 0, 2, 3], [250] * 4), "row_wise puts there rows 0..250"),
        ("row_wise", rows_on([0, 1, 2, 3], [300, 200, 250, 250]), "puts there rows 0..250"),
        ("table_row_wise", rows_on([1, 2], [500] * 2), "puts there rows 0..500, columns 0..16 on"),
        ("data_parallel", [entry(0, [0, 0], [1000, 16])], "data_parallel, which has no shards"),
    ],
)
def test_shards_that_are_not_their_type_are_refused(
    plan_text: str, sharding: str, shards: list[Any], fault: str
) -> None:
    plan = json.loads(plan_text)
    ranks = [int(shard["placement"][5]) for shard in shards]
    kernel = "dense" if sharding == "data_parallel" else "fused"
    plan["plan"]["sparse.ebc"]["a"] = {
        "sharding_type": sharding,
        "compute_kernel": kernel,
        "ranks": ranks,
        "shards": shards,
    }
    with pytest.raises(PlanRefused) as refused:
        view_plan(parse_plan(json.dumps(plan), "plan.json"))
    assert any(fault in difference for difference in refused.value.differences)
    assert all(d.startswith("plan.sparse.ebc.a") for d in refused.value.differences)


def test_shards_on_other_ranks_than_the_table_says_are_refused(plan_text: str) -> None:
    plan = json.loads(plan_text)
    plan["plan"]["sparse.ebc"]["a"] |= {
        "sharding_type": "table_wise",
        "ranks": [0, 1],
        "shards": [entry(0, [0, 0], [1000, 16])],
    }
    with pytest.raises(PlanRefused, match=r"are \[0, 1\]; the shards are placed on \[0\]"):
        view_plan(parse_plan(json.dumps(plan), "plan.json"))


def test_a_table_in_half_of_the_plan_is_refused(plan_text: str) -> None:
    plan = json.loads(plan_text)
    del plan["plan"]["sparse.ebc"]["a"]
    with pytest.raises(PlanRefused, match=r"table a of module sparse\.ebc is in the plan's tables"):
        view_plan(parse_plan(json.dumps(plan), "plan.json"))


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda spec: spec["training"].update(optimizer="sgd"), "spec"),
        (lambda spec: spec["topology"].update(nodes=3), "topology"),
        (lambda spec: spec.update(topology=[]), "resolved"),
        (lambda spec: spec.clear(), "resolved"),
    ],
)
def test_a_plan_whose_spec_is_not_the_one_it_was_made_from_is_refused_in_one_line(
    plan_text: str, edit: Any, named: str
) -> None:
    value = json.loads(plan_text)
    edit(value["resolved"])
    with pytest.raises(PlanRefused) as refused:
        view_plan(parse_plan(json.dumps(value), "plan.json"))
    (line,) = refused.value.differences
    assert f"was changed or damaged: {named} differs" in line
    del value["resolved"]
    assert view_plan(parse_plan(json.dumps(value), "plan.json")).name == "small"


@pytest.mark.parametrize(
    ("edit", "line"),
    [
        (lambda v: v["tables"][0].update(features=["y", "x"]), "tables[0].features: 'a' has"),
        (lambda v: v["tables"][0].update(features=["x", "z"]), "tables[0].features: 'a' has"),
        (lambda v: v["tables"][1].update(pooling=3.0), "tables[1].pooling: 'b' has 3.0; in the"),
        (lambda v: v["tables"][1].update(dtype="fp16"), "tables[1].dtype: 'b' has fp16; in the"),
        (lambda v: v["tables"][1].update(access={"zipf": 2}), "tables[1].access: 'b' has"),
        (lambda v: v["tables"].reverse(), "tables: are not in the spec's order"),
        (lambda v: v["training"].update(optimizer="sgd"), "training.optimizer: is 'sgd'; by the"),
        (lambda v: v["training"].update(local_batch=63), "training.local_batch: is 63; by the"),
        (lambda v: v.update(local_world_size=4), "local_world_size: is 4; the topology has 2"),
        (lambda v: v["prediction"]["ranks"].pop(), "prediction.ranks: must list the ranks 0..3"),
    ],
)
def test_a_plan_that_states_otherwise_than_its_spec_is_refused_in_one_line(
    plan_text: str, edit: Any, line: str
) -> None:
    value = json.loads(plan_text)
    edit(value)
    with pytest.raises(PlanRefused) as refused:
        view_plan(parse_plan(json.dumps(value), "plan.json"))
    (told_of_it,) = refused.value.differences
    assert told_of_it.startswith(line)


def test_truncated_and_newer_files_are_refused(plan_text: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(plan_text[: len(plan_text) // 2])
    with pytest.raises(InputError, match="the file is cut off"):
        read_plan(path)
    path.write_text(plan_text.replace('"format_version": "1.1"', '"format_version": "2.0"'))
    with pytest.raises(InputError, match=r"reads plans up to format 1\.3, not 2\.0"):
        read_plan(path)


def test_the_native_engine_names_what_it_has_not(plan_text: str) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    assert told(native_faults(view)) == []
    assert told(whole_batch_faults(view, "this engine")) == []
    lamb = view.training.model_copy(update={"optimizer": Optimizer.LAMB})
    assert told(native_faults(replace(view, training=lamb))) == [
        "training.optimizer: lamb: the native engine has sgd, adagrad, rowwise_adagrad and adam "
        "alone"
    ]
    first, *others = view.tables
    own = replace(first, batch_shares=(0.1,) * len(first.features))
    where = f"plan.{first.module}.{first.name}"
    assert told(whole_batch_faults(replace(view, tables=(own, *others)), "this engine")) == [
        f"{where}: its features have batches of their own size: this engine has none such"
    ]


@pytest.mark.parametrize(
    ("shares", "keys"),
    [
        ((0.1,), "batch.features"),
        ((3.0,), "num_poolings of user"),
        ((0.5, 3.0), "batch.features and num_poolings of user"),
    ],
)
def test_own_batches_are_told_by_the_key_that_gave_them(
    plan_text: str, shares: tuple[float, ...], keys: str
) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    own = replace(view.tables[0], name="user", batch_shares=shares)
    (fault,) = whole_batch_faults(replace(view, tables=(own, *view.tables[1:])), "this engine")
    assert fault.hint == f"train under TorchRec by shard(), or solve again without {keys}"


@pytest.mark.parametrize(
    ("pipeline", "torchrec"),
    [
        ("prefetch_sparse_dist", ""),
        ("fused_sparse_dist", "TrainPipelineFusedSparseDist"),
        ("semi_sync", "TrainPipelineSemiSync"),
    ],
)
def test_pipelines_that_the_training_command_has_not_are_named(
    plan_text: str, pipeline: str, torchrec: str
) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    training = view.training.model_copy(update={"pipeline": Pipeline(pipeline)})
    found = list(pipeline_faults(replace(view, training=training)))
    assert [fault.path for fault in found] == (["training.pipeline"] if torchrec else [])
    assert all(f"train it by {torchrec} in a program" in fault.hint for fault in found)
