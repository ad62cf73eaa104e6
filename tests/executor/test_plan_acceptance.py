"""Plans that cannot run here are refused, and the message says what differs. Needs no PyTorch."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import accumulate
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from random_specs import TOPOLOGY

from shardplan.case import case_of_value
from shardplan.errors import InputError, MemoryExceeded, PlanRefused
from shardplan.executor.planned.acceptance import (
    check_memory,
    check_model,
    check_optimizer,
    check_ranks,
)
from shardplan.executor.planned.model_table import ModelTable, tables_of
from shardplan.executor.planned.plan_view import view_plan
from shardplan.executor.planned.tier_limits import TierLimits
from shardplan.plan.file.read import parse_plan, read_plan
from shardplan.plan.file.write import render
from shardplan.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


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
    return render(make_plan(case_of_value(spec, "spec"), Settings(), Reporter()))


def model_of(text: str) -> list[ModelTable]:
    view = view_plan(parse_plan(text, "plan.json"))
    return [ModelTable(t.module, t.name, t.rows, t.dim, t.features, t.dtype) for t in view.tables]


def test_a_view_holds_what_the_plan_says(plan_text: str) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    assert view.modules == ("sparse.ebc", "other.ebc")
    assert (view.training.optimizer, view.training.local_batch) == ("adam", 64)
    assert (view.training.comm_dtype.forward, view.training.comm_dtype.backward) == ("fp16", "bf16")
    first = view.tables[0]
    assert (first.rows, first.dim, first.features) == (1000, 16, ("x", "y"))
    check_model(view, model_of(plan_text))
    check_ranks(view, 4, 2)


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
    other = replace(first, rows=999, dim=32, features=("y", "x"))
    with pytest.raises(PlanRefused) as refused:
        check_model(view, [other, replace(second, name="c")])
    assert refused.value.differences == (
        "table c of module other.ebc is in the model only",
        "table b of module other.ebc is in the plan only",
        "table a of module sparse.ebc: rows 1000 in the plan, 999 in the model",
        "table a of module sparse.ebc: dim 16 in the plan, 32 in the model",
        "table a of module sparse.ebc: features [x, y] in the plan, [y, x] in the model",
    )


class Collection:
    """Tables as TorchRec's EmbeddingBagCollection tells them."""

    def __init__(self, tables: list[ModelTable]) -> None:
        self._tables = tables
        weight = SimpleNamespace(device=SimpleNamespace(type="meta"))
        self.embedding_bags = {table.name: SimpleNamespace(weight=weight) for table in tables}

    def embedding_bag_configs(self) -> list[Any]:
        return [
            SimpleNamespace(
                name=table.name,
                num_embeddings=table.rows,
                embedding_dim=table.dim,
                feature_names=list(table.features),
                data_type=SimpleNamespace(value=table.dtype.upper()),
            )
            for table in self._tables
        ]


def test_the_tables_of_a_model_are_found_where_they_sit(plan_text: str) -> None:
    first, second = model_of(plan_text)
    modules = {
        "": object(),
        first.module: Collection([first]),
        second.module: Collection([second]),
    }
    model = SimpleNamespace(named_modules=modules.items)
    assert tables_of(model) == (first, second)


def test_another_optimizer_is_refused(plan_text: str) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    check_optimizer(view, "adam")
    with pytest.raises(PlanRefused, match="it is for the optimizer adam, here is sgd"):
        check_optimizer(view, "sgd")


def test_a_plan_predicted_to_exceed_the_pool_is_refused(plan_text: str) -> None:
    view = view_plan(parse_plan(plan_text, "plan.json"))
    needs = view.predicted_bytes[0].hbm
    check_memory(view, 0, TierLimits(hbm_bytes=needs))
    with pytest.raises(MemoryExceeded, match=f"hbm: {needs:,} bytes predicted, 10 offered"):
        check_memory(view, 0, TierLimits(hbm_bytes=10))


def entry(rank: int, offsets: list[int], sizes: list[int]) -> dict[str, Any]:
    return {
        "shard_offsets": offsets,
        "shard_sizes": sizes,
        "placement": f"rank:{rank}/cuda:{rank % 2}",
        "memory_bytes": {"hbm": 0, "ddr": 0, "ssd": 0},
    }


def rows_on(ranks: list[int], sizes: list[int]) -> list[dict[str, Any]]:
    """Row shards of so many rows, one below the other."""
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


def test_truncated_and_newer_files_are_refused(plan_text: str, tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(plan_text[: len(plan_text) // 2])
    with pytest.raises(InputError, match="the file is cut off"):
        read_plan(path)
    path.write_text(plan_text.replace('"format_version": "1.1"', '"format_version": "2.0"'))
    with pytest.raises(InputError, match=r"reads plans up to format 1\.1, not 2\.0"):
        read_plan(path)
