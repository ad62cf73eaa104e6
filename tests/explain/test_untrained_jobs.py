"""Warnings of jobs that engines train otherwise than planned, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from shardplan import Settings, explain, load, plan
from shardplan.explain.advice.advice import warnings

TABLES = [{"name": "a", "rows": 50_000, "hot_ids": 20_000}, {"name": "b", "rows": 30_000}]
BOTH = {"features": ["clicks"]}


def spec(tables: list[dict[str, Any]] = TABLES, **training: Any) -> dict[str, Any]:
    return {
        "batch": {"local": 4_096},
        "topology": {"name": "dgx-h100", "nodes": 1},
        "training": {"optimizer": "sgd", **training},
        "defaults": {"dim": 64, "access": {"zipf": 1.05}},
        "tables": tables,
    }


def warned(of: dict[str, Any], code: str) -> list[tuple[tuple[str, ...], str]]:
    return [(each.path, each.message) for each in warnings(load(of)) if each.code == code]


GROUPS = {"replicas": {"groups": 2}}
TOP_K = {"all_reduce": {"top_k": "10%"}}


@pytest.mark.parametrize(
    ("training", "where", "why"),
    [
        ({"hot_rows": True, "optimizer": "lamb"}, "hot_rows", "lamb: the native engine has sgd, "),
        ({"hot_rows": True, "optimizer": "partial_rowwise_adam"}, "hot_rows", "has sgd, adagrad"),
        ({"hot_rows": True} | GROUPS, "hot_rows", "training.replicas: TorchRec's DMPCollection"),
        (TOP_K | GROUPS, "all_reduce", "training.replicas: TorchRec's DMPCollection"),
        (TOP_K | {"pipeline": "semi_sync"}, "all_reduce", "TrainPipelineSemiSync alone does so"),
        (TOP_K | {"optimizer": "lamb"}, "all_reduce", "lamb: the native engine has sgd, "),
    ],
)
def test_what_no_engine_trains_is_warned_of(training: dict[str, Any], where: str, why: str) -> None:
    ((path, message),) = warned(spec(**training), "no_engine")
    assert path == ("training", where)
    assert why in message


@pytest.mark.parametrize(
    "training",
    [{"hot_rows": True}, TOP_K, GROUPS, {"optimizer": "lamb"}, TOP_K | {"replicas": {"groups": 1}}],
)
def test_what_some_engine_trains_is_not(training: dict[str, Any]) -> None:
    assert not warned(spec(**training), "no_engine")


def test_a_plan_with_hot_rows_says_that_no_engine_trains_it() -> None:
    pinned = [{"tables": "a", "hot_rows": 500}]
    of = spec(hot_rows=True, optimizer="lamb") | {"constraints": pinned}
    notes = explain(plan(load(of), Settings(node_limit=5))).notes
    assert any(note.startswith("no engine trains hot rows so: ") for note in notes)


@pytest.mark.parametrize(
    ("one", "other", "key"),
    [
        ({"pooling": 20}, {"pooling": 10}, "pooling"),
        ({"pooling": 20, "cap": 30}, {"pooling": 20, "cap": 40}, "cap"),
        ({"padding": {"id": 0, "share": "10%"}}, {}, "padding"),
    ],
)
@pytest.mark.parametrize("module", ["sparse.ebc", "sparse.other"])
def test_a_feature_whose_tables_have_other_lists_is_warned_of(
    one: dict[str, Any], other: dict[str, Any], key: str, module: str
) -> None:
    tables = [TABLES[0] | one | BOTH, TABLES[1] | other | BOTH | {"module": module}]
    ((path, message),) = warned(spec(tables), "shared_lists")
    assert path == (key,)
    assert message.startswith(f"a and b read feature clicks with another {key}: ")


def test_tables_that_read_a_feature_alike_or_in_batches_of_another_size_are_fine() -> None:
    alike = [TABLES[0] | BOTH, TABLES[1] | BOTH]
    assert not warned(spec(alike), "shared_lists")
    apart = [alike[0], alike[1] | {"module": "m", "pooling": 9}]
    of = spec(apart) | {"modules": {"m": {"batch": {"local": 64}}}}
    assert not warned(of, "shared_lists")
