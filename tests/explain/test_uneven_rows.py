"""Which tables' ids had better be hashed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from explain_cases import DECISIONS, plan_of, small_case

from shardplan.build_case import case_of_value
from shardplan.explain.advice.uneven_rows import uneven_rows
from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.study import Study
from shardplan.plan.predict import predict
from shardplan.workload.access import Uniform, Zipf
from shardplan.workload.dtype import Dtype
from shardplan.workload.row_order import RowOrder
from shardplan.workload.table import Table

if TYPE_CHECKING:
    from shardplan.case import Case

HOT_FIRST = Table("t", "m", 1_000, 64, Dtype.FP32, ("t",), (1.0,), Zipf(1.0), RowOrder.BY_FREQUENCY)


def test_the_first_shard_is_held_against_the_mean():
    """By hand: the first 250 of 1,000 harmonic weights, times four."""
    (found,) = uneven_rows([(HOT_FIRST, 4, 0)])
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
    assert uneven_rows([(table, 4, 0)]) == ()


def test_beside_hot_rows_the_others_are_held_against_their_mean():
    """Of the 250 rows of the first shard 16 are on every device; where all are it has none."""
    (found,) = uneven_rows([(HOT_FIRST, 4, 16)])
    weights = 1 / np.arange(1, 1_001)
    expected = 4 * weights[16:250].sum() / weights[16:].sum()
    assert found.excess == pytest.approx(expected, rel=1e-3)
    assert uneven_rows([(HOT_FIRST, 4, 300)]) == ()


def test_a_whole_table_needs_no_hash():
    assert uneven_rows([(HOT_FIRST, 1, 0)]) == ()


def test_the_worst_comes_first():
    steep = replace(HOT_FIRST, name="steep", access=Zipf(1.5))
    found = uneven_rows([(HOT_FIRST, 4, 0), (steep, 4, 0), (HOT_FIRST, 8, 0)])
    assert [(each.table.name, each.shards) for each in found] == [("t", 8), ("steep", 4), ("t", 4)]


def case_by_frequency(pooling: float | None = None) -> Case:
    """The ids of user_id, row-wise over four devices, and of item_id, cut by columns, sorted."""
    value = small_case().resolved
    tables = []
    for table in value["tables"]:
        is_sorted = table["name"] in ("user_id", "item_id")
        more = {"pooling": [pooling]} if pooling and table["name"] == "user_id" else {}
        tables.append(table | ({"ids": "by_frequency", **more} if is_sorted else {}))
    return case_of_value(value | {"tables": tables}, "resolved")


def test_the_notes_of_a_plan_speak_of_its_row_shards_alone():
    study = Study.of(plan_of(case_by_frequency()), "p")
    notes = [note for note in explain(study).notes if "hashed" in note]
    assert len(notes) == 1
    assert notes[0].startswith("the first of 4 row shards of user_id serves 3.")
    assert "item_id" not in notes[0]


def test_the_notes_tell_how_much_shorter_hashed_ids_would_make_the_step():
    """By the two cases, of which one has its ids hashed; where lookups are few, hardly."""
    uneven = case_by_frequency(400.0)
    hashed = uneven.with_(
        tables=tuple(
            table.model_copy(update={"ids": RowOrder.HASHED if table.name == "user_id" else None})
            for table in uneven.spec.tables
        )
    )
    step, shorter = (predict(case, DECISIONS).step_seconds for case in (uneven, hashed))
    (note,) = (n for n in explain(Study.of(plan_of(uneven), "p")).notes if "hashed" in n)
    assert step - shorter > 0.001 * step
    assert note.endswith(f"({100 * (step - shorter) / step:.1f}%) off the step")
    (note,) = (
        n for n in explain(Study.of(plan_of(case_by_frequency(0.01)), "p")).notes if "hashed" in n
    )
    assert note.endswith("but hardly change the step")
