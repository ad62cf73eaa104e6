"""Entries that bear another name than what was planned, over the same shards."""

import json

import pytest

from shardplan.build_case import case_of_value
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.table_entry import parse_placement
from shardplan.plan.file.write import render
from shardplan.plan.verify import verify
from shardplan.planning.planner import make_plan
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

ASKED = ["row_wise", "column_wise", "table_wise", "data_parallel", "table_row_wise"]


@pytest.fixture(scope="module", params=[1, 2])
def text(request):
    """A plan with tables of several types, on one node or two."""
    spec = {
        "batch": {"local": 1024},
        "topology": {"name": "dgx-a100", "nodes": request.param},
        "tables": [{"name": kind, "rows": 500_000, "dim": 128} for kind in ASKED],
        "constraints": [{"tables": kind, "sharding": [kind]} for kind in ASKED],
    }
    del spec["constraints"][:3]  # the planner's own choice there
    return render(make_plan(case_of_value(spec, "spec"), Settings("greedy"), Reporter()))


@pytest.mark.parametrize("field", ["sharding_type", "compute_kernel"])
def test_every_other_name_is_found(text, field):
    assert verify(parse_plan(text, "plan")) == ()
    names = SHARDING_TYPES if field == "sharding_type" else KERNELS
    for table in ASKED:
        for name in map(str, names):
            value = json.loads(text)
            entry = value["plan"]["sparse.ebc"][table]
            if entry[field] != name:
                entry[field] = name
                assert verify(parse_plan(json.dumps(value), "plan")), f"{table}: {name}"


@pytest.mark.parametrize("number", ["٣", "1_0", "01", "+1", " 1", "1 ", "１"])
def test_placements_have_ascii_digits_alone(number):
    assert parse_placement(f"rank:{number}/cuda:0") == (-1, -1)
    assert parse_placement(f"rank:0/cuda:{number}") == (-1, -1)
    assert parse_placement("rank:10/cuda:2") == (10, 2)
