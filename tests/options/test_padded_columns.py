"""A table whose columns are no multiple of 4 is planned as the padded table, and that is said."""

from __future__ import annotations

from typing import Any

import pytest

from shardplan import Settings, explain, load, plan, verify
from shardplan.explain.advice.advice import warnings


def spec(dim: int) -> dict[str, Any]:
    return {
        "batch": {"local": 256},
        "topology": {"name": "dgx-a100", "nodes": 1},
        "training": {"optimizer": "sgd"},
        "tables": [
            {"name": "odd", "rows": 1_000_000, "dim": dim, "pooling": 5},
            {"name": "even", "rows": 500_000, "dim": 64},
        ],
    }


@pytest.mark.parametrize(("dim", "padded"), [(1, 4), (6, 8), (30, 32), (33, 36)])
def test_it_costs_what_the_padded_table_costs(dim: int, padded: int) -> None:
    settings = Settings(gap=0.05, node_limit=10)
    ours, other = (plan(load(spec(each)), settings) for each in (dim, padded))
    assert ours.prediction == other.prediction
    assert ours.plan == other.plan
    assert (ours.tables[0].dim, ours.tables[0].unpadded_dim) == (padded, dim)
    assert not verify(ours)
    said = [note for note in explain(ours).notes if "odd is planned" in note]
    more = 1_000_000 * (padded - dim) * 4
    assert [f"planned with {padded} columns for {dim}" in note for note in said] == [True]
    assert f"{more / 2**20:.1f} MiB more" in said[0]


def test_a_spec_without_such_tables_is_told_nothing() -> None:
    assert [each for each in warnings(load(spec(32))) if each.code == "padded_columns"] == []
    (found,) = [each for each in warnings(load(spec(30))) if each.code == "padded_columns"]
    assert "odd is planned with 32 columns for 30" in found.message


def test_a_plan_that_hides_its_padding_is_found() -> None:
    made = plan(load(spec(30)), Settings(gap=0.05, node_limit=10))
    first, *others = made.tables
    hidden = made.model_copy(
        update={"tables": (first.model_copy(update={"unpadded_dim": None}), *others)}
    )
    assert [finding.where for finding in verify(hidden)] == ["tables[0].unpadded_dim"]
