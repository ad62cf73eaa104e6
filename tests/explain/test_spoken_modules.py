"""Modules are spoken of by their paths, and the model itself, whose path is empty, as such."""

from __future__ import annotations

import pytest
from random_specs import TOPOLOGY

from shardplan import explain, plan
from shardplan.build_case import case_of_value
from shardplan.explain.numbers.study import Study
from shardplan.explain.numbers.table_detail import table_detail
from shardplan.explain.report.detail_report import table_report
from shardplan.solve.settings import Settings


@pytest.fixture(params=["", "towers.long-term"])
def planned(request):
    """(name of the module in a sentence, its plan)."""
    padding = {"id": 0, "share": "60%"}
    spec = {
        "batch": {"local": 8},
        "topology": TOPOLOGY,
        "modules": {request.param: {"kind": "sequence"}},
        "defaults": {"dim": 8, "module": request.param},
        "tables": [{"name": "item", "rows": 1000, "pooling": 50, "padding": padding}],
        "constraints": [{"tables": "*", "sharding": "row_wise"}],
    }
    return request.param or "the model itself", plan(
        case_of_value(spec, "spec"), Settings("greedy")
    )


def test_notes_name_the_module(planned):
    name, found = planned
    notes = explain(found).notes
    assert any(note.startswith(f"{name} does not pool: ") for note in notes)
    assert any(f"of the ids of {name} fall on the first of 4 blocks" in note for note in notes)


def test_a_table_is_said_to_lie_in_its_module(planned):
    name, found = planned
    title = table_report(table_detail(Study.of(found, "plan.json"), "item")).title
    assert title.endswith(f", in {name}")
