"""The examples, and the promise on the first of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from shardplan.case import build_case
from shardplan.plan.verify import verify
from shardplan.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_spec, spec_from_value

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.yaml"))
DLRM = next(path for path in EXAMPLES if path.stem == "dlrm_dcnv2")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_a_good_plan_at_once(path):
    """The greedy placement fits, verifies, and is within a half of the bound."""
    case = build_case(load_spec(str(path)))
    plan = make_plan(case, Settings("greedy"), Reporter())
    assert verify(plan, case) == ()
    assert 0 <= plan.optimality.gap < 0.5
    assert plan.table_count == len(case.workload.tables)


@pytest.mark.slow
@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_solved_well(path):
    case = build_case(load_spec(str(path)))
    plan = make_plan(case, Settings(time_limit_seconds=60.0), Reporter())
    assert verify(plan, case) == ()
    assert plan.optimality.gap <= 0.1


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["step_time", "balance"])
@pytest.mark.parametrize("nodes", [1, 2])
def test_dlrm_dcnv2_is_proven_to_within_three_percent_in_a_minute(nodes, objective):
    """On 8 and 16 devices of DGX H100, under both objectives."""
    value = dict(build_case(load_spec(str(DLRM))).resolved)
    value |= {"objective": objective, "topology": {"name": "dgx-h100", "nodes": nodes}}
    case = build_case(spec_from_value(value, "spec"))
    settings = replace(Settings(), time_limit_seconds=60.0)
    plan = make_plan(case, settings, Reporter())
    assert verify(plan, case) == ()
    assert plan.world_size == 8 * nodes
    assert plan.optimality.gap <= 0.03
