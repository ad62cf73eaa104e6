"""Which tables' ids had better be hashed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from explain_cases import plan_of, small_case

from shardplan.case import case_of_value
from shardplan.explain.explain import explain
from shardplan.explain.study import Study
from shardplan.explain.uneven_rows import uneven_rows
from shardplan.workload.access import Uniform, Zipf
from shardplan.workload.dtype import Dtype
from shardplan.workload.row_order import RowOrder
from shardplan.workload.table import Table

HOT_FIRST = Table("t", "m", 1_000, 64, Dtype.FP32, ("t",), (1.0,), Zipf(1.0), RowOrder.BY_FREQUENCY)


def test_the_first_shard_is_held_against_the_mean():
    """By hand: the first 250 of 1,000 harmonic weights, times four."""
    (found,) = uneven_rows([(HOT_FIRST, 4)])
    weights = 1 / np.arange(1, 1_001)
    assert found.excess == pytest.approx(4 * weights[:250].sum() / weights.sum(), rel=1e-4)
    assert str(found).startswith("the first of 4 row shards of t serves 3.3 times the mean")


@pytest.mark.parametrize(
    "table",
    [
        replace(HOT_FIRST, ids=RowOrder.HASHED),
        replace(HOT_FIRST, access=Uniform()),
        replace(HOT_FIRST, poolings=(0.0,)),
        replace(HOT_FIRST, access=Zipf(0.2)),
        replace(HOT_FIRST, access=Uniform(), rows=5),
    ],
    ids=["hashed", "uniform", "no lookups", "hardly skewed", "fewer rows than shards need"],
)
def test_even_enough_tables_need_no_hash(table):
    assert uneven_rows([(table, 4)]) == ()


def test_a_whole_table_needs_no_hash():
    assert uneven_rows([(HOT_FIRST, 1)]) == ()


def test_the_worst_comes_first():
    steep = replace(HOT_FIRST, name="steep", access=Zipf(1.5))
    found = uneven_rows([(HOT_FIRST, 4), (steep, 4), (HOT_FIRST, 8)])
    assert [(each.table.name, each.shards) for each in found] == [("t", 8), ("steep", 4), ("t", 4)]


def test_the_notes_of_a_plan_speak_of_its_row_shards_alone():
    """Of the tables by frequency, user_id is row-wise over four devices, item_id is not cut so."""
    value = small_case().resolved
    tables = [
        table | ({"ids": "by_frequency"} if table["name"] in ("user_id", "item_id") else {})
        for table in value["tables"]
    ]
    case = case_of_value(value | {"tables": tables}, "resolved")
    notes = [note for note in explain(Study.of(plan_of(case), "p")).notes if "hashed" in note]
    assert len(notes) == 1
    assert notes[0].startswith("the first of 4 row shards of user_id serves 3.")
    assert "item_id" not in notes[0]
