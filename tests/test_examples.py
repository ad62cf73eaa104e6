"""The examples, and the promise on the first of them."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from shardplan.case import Case, build_case, case_of_value
from shardplan.cli.main import cli
from shardplan.errors import Infeasible
from shardplan.plan.verify import verify
from shardplan.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_spec, spec_from_value

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.yaml"))
DLRM = next(path for path in EXAMPLES if path.stem == "dlrm_dcnv2")
NEO = DLRM.with_stem("neo_12t")


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_has_a_good_plan_at_once(path):
    """The greedy placement fits, verifies, and is within a half of the bound but for SSD's."""
    case = build_case(load_spec(str(path)))
    plan = make_plan(case, Settings("greedy"), Reporter())
    assert verify(plan, case) == ()
    assert 0 <= plan.optimality.gap < (0.5 if path != NEO else 3.0)
    assert plan.table_count == len(case.workload.tables)


@pytest.mark.slow
@pytest.mark.parametrize(
    "path", [path for path in EXAMPLES if path != NEO], ids=lambda path: path.stem
)
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


def test_twelve_trillion_parameters_are_in_the_largest_example():
    """As many as published, in fp16 and of dim 256, on 128 devices."""
    case = build_case(load_spec(str(NEO)))
    tables = case.workload.tables
    assert sum(table.rows * table.dim for table in tables) == pytest.approx(12e12, rel=0.01)
    assert {table.dim for table in tables} == {256}
    assert 24 <= len(tables) <= 60
    assert case.topology.world_size == 128


def test_twelve_trillion_parameters_are_planned_in_a_minute(tmp_path):
    """From the spec's file to a plan that verifies."""
    plan = tmp_path / "plan.json"
    words = ["solve", str(NEO), "-q", "-o", str(plan), "--method", "greedy"]
    assert CliRunner().invoke(cli, words).exit_code == 0
    assert CliRunner().invoke(cli, ["verify", str(plan), str(NEO)]).exit_code == 0


def test_without_ssd_and_with_half_the_ddr_they_are_refused(tmp_path):
    """With status 3, naming the tier and how much of it is short."""
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps(smaller_neo()))
    result = CliRunner().invoke(cli, ["solve", str(spec), "-q"])
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "ddr of all nodes" in result.stderr


def test_what_they_lack_is_the_tables_bytes_beyond_all_that_is_offered():
    """With a batch so small that its buffers are no 0.1 per mille of the tables."""
    spec = smaller_neo()
    spec["batch"] = {"global": 128}
    spec["training"]["dense"]["memory"] = "0B"
    case = case_of_value(spec, "spec")
    found = shortfall(case)
    assert found.missing == pytest.approx(lacking_bytes(case), rel=2e-4)
    assert found.missing >= lacking_bytes(case)


def test_a_batch_needs_its_buffers_besides():
    """At the example's own batch, more is short by what 128 devices keep for it."""
    case = case_of_value(smaller_neo(), "spec")
    found = shortfall(case)
    buffers = found.missing - lacking_bytes(case)
    base = case.capacity.base_bytes[0] * 128
    # Of each sample at least the ids, as 8 bytes each, and the pooled outputs in fp32.
    each = sum(8 * table.pooling + 4 * table.dim for table in case.workload.tables)
    assert base + case.workload.global_batch * each <= buffers
    assert buffers - base < 0.02 * 24e12


def smaller_neo() -> dict:
    """Without SSD, and with half the DDR."""
    spec = copy.deepcopy(dict(build_case(load_spec(str(NEO))).resolved))
    node = spec["topology"]["node"]
    del node["ssd"]
    node["ddr"]["capacity"] = "750GB"
    return spec


def shortfall(case: Case):
    """The only one that planning ends in."""
    with pytest.raises(Infeasible) as caught:
        make_plan(case, Settings(), Reporter())
    (found,) = caught.value.shortfalls
    assert found.resource == "ddr of all nodes"
    return found


def lacking_bytes(case: Case) -> float:
    """fp16 weights and one fp32 number of state per row, beyond HBM and DDR less the reserve."""
    tables = sum(table.rows * (table.dim * 2 + 4) for table in case.workload.tables)
    return tables - 128 * 0.9 * 40 * 2**30 - 16 * 0.95 * 750e9
