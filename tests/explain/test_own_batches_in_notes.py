"""Ids that notes and summaries count, where modules or features have batches of their own."""

from __future__ import annotations

import pytest

from shardplan import Settings, explain, load, plan
from shardplan.cli.reports.case_summary import case_summary


def spec(own_batch):
    """Eight devices with 100 samples each, of which the module that does not pool has some."""
    return {
        "batch": {"local": 100},
        "topology": {"name": "dgx-h100", "nodes": 1},
        "modules": {"seq": {"kind": "sequence", "batch": own_batch}},
        "tables": [
            {"name": "item", "rows": 10_000, "dim": 64, "pooling": 40, "cap": 60, "module": "seq"},
            {"name": "item", "rows": 10_000, "dim": 64, "pooling": 3, "module": "bags"},
        ],
    }


@pytest.mark.parametrize("own_batch", ["25%", {"local": 25}, {"global": 200}])
def test_a_module_has_an_output_for_each_id_of_its_own_samples(own_batch):
    found = explain(plan(load(spec(own_batch)), Settings("greedy")))
    (note,) = (note for note in found.notes if note.startswith("seq does not pool"))
    assert f"each of its {25 * 40:,} ids of a step" in note
    assert "375.0 KiB at the caps" in note  # 25 samples, 60 ids, 64 fp32.


def test_lookups_of_a_step_are_those_of_the_samples_that_there_are():
    summary = case_summary(load(spec("25%")))
    assert summary.ids_per_sample == 40 / 4 + 3
    assert summary.lookups_per_step == 800 * (40 / 4 + 3)


def test_tables_cut_by_columns_that_share_a_name_are_told_apart():
    value = spec("25%")
    del value["modules"]
    value["training"] = {"optimizer": "rowwise_adagrad", "exact_updates": False}
    value["constraints"] = [{"tables": "*", "sharding": "column_wise"}]
    notes = " ".join(explain(plan(load(value), Settings("greedy"))).notes)
    assert "so that seq/item, bags/item, cut by columns" in notes
