import json

import numpy as np
import pytest

from shardplan.build_case import build_case, case_of_value
from shardplan.errors import InputError
from shardplan.plan.build_plan import build_plan
from shardplan.plan.carried import carried_case
from shardplan.plan.decision import Decision
from shardplan.plan.file.optimality import Optimality, Status, Termination
from shardplan.plan.file.provenance import RunInfo, SolverInfo
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.plan.predict import predict
from shardplan.plan.verify import verify
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.spec.load import spec_from_value


def _spec(**changes):
    return {
        "name": "small",
        "batch": {"local": 512},
        "topology": {"name": "dgx-h100", "nodes": 2},
        "cost_model": "torchrec",
        "training": {"exact_updates": False},
        "defaults": {"dim": 128, "module": "sparse.ebc"},
        "tables": [
            {"name": "a", "rows": 1_000_000, "pooling": 3, "access": {"zipf": 1.05}},
            {"name": "b", "rows": 5_000},
            {"name": "c", "rows": 200_000, "dim": 64, "features": ["x", "y"], "pooling": [1, 2]},
        ],
        "reserve": {"hbm": "20%", "ddr": "100GiB"},
    } | changes


DECISIONS = (
    Decision(0, ShardingType.ROW_WISE, Kernel.FUSED),
    Decision(1, ShardingType.DATA_PARALLEL, Kernel.DENSE),
    Decision(2, ShardingType.GRID_SHARD, Kernel.FUSED_UVM, 2, (1, 0)),
)


def _case(**changes):
    return build_case(spec_from_value(_spec(**changes), "spec.yaml"))


def _plan(case):
    prediction = predict(case, DECISIONS)
    optimality = Optimality.of(
        case.objective,
        prediction.step_seconds,
        prediction.step_seconds,
        bound="relaxation",
        status=Status.OPTIMAL,
        termination=Termination.GAP,
    )
    solver = SolverInfo(method="by hand", seed=0, shardplan_version="0")
    run = RunInfo(generated_at="2026-01-01T00:00:00Z", elapsed_seconds=0.5)
    return build_plan(case, DECISIONS, prediction, optimality, solver, run)


def test_a_case_holds_what_the_spec_and_its_topology_say():
    case = _case()
    assert case.topology.world_size == 16
    assert case.workload.global_batch == 512 * 16
    assert case.resolved["topology"]["name"] == "dgx-h100"
    assert case.resolved["cost_model"]["name"] == "torchrec"
    assert case.resolved["topology"]["nodes"] == 2


def test_capacity_is_what_the_reserve_and_the_dense_model_leave():
    """80 GiB less a fifth; a node's DDR less 100 GiB; the base is that of the cost model."""
    case = _case()
    capacity, base = case.capacity, case.cost_model.base_memory_bytes
    hbm, ddr = case.topology.hbm.capacity_bytes, case.topology.ddr.capacity_bytes
    np.testing.assert_allclose(capacity.usable_bytes[0], 0.8 * hbm, atol=1)
    assert capacity.usable_bytes[1] == ddr - 100 * 2**30
    np.testing.assert_array_equal(
        capacity.free_bytes, capacity.usable_bytes - base * np.array([1, 8, 8])
    )


def test_the_resolved_spec_gives_the_same_case_again():
    case = _case()
    again = case_of_value(json.loads(json.dumps(case.resolved)), "resolved")
    assert again.resolved == case.resolved
    assert again.workload == case.workload


def test_a_plan_file_is_verified_by_itself():
    plan = parse_plan(render(_plan(_case())), "plan.json")
    assert verify(plan) == ()


def test_verifying_against_a_changed_spec_says_which_input_changed():
    plan = _plan(_case())
    tables = _spec()["tables"]
    tables[0]["rows"] = 2_000_000
    found = [str(finding) for finding in verify(plan, _case(tables=tables))]
    assert any(line.startswith("stale: inputs.spec_sha256: was ") for line in found)
    assert "stale: tables.a.rows: was 1000000, is 2000000" in found
    assert "tables: tables[0].rows: 'a' has 1000000; in the spec it is 2000000" in found
    assert any(
        line.startswith("coverage: plan.sparse.ebc.a: rows 1000000..2000000") for line in found
    )
    assert not any("inputs.topology" in line for line in found)


def test_verifying_against_another_topology_says_so():
    plan = _plan(_case())
    found = [str(f) for f in verify(plan, _case(topology={"name": "dgx-h100", "nodes": 4}))]
    assert any(line.startswith("stale: inputs.topology: was ") for line in found)
    assert "stale: topology.nodes: was 2, is 4" in found
    assert "world_size: world_size: is 16; the topology has 32" in found


def test_an_edited_spec_inside_the_plan_is_found():
    value = json.loads(render(_plan(_case())))
    value["resolved"]["tables"][1]["rows"] = 4_000
    found = [str(finding) for finding in verify(parse_plan(json.dumps(value), "plan.json"))]
    assert any(line.startswith("stale: inputs.spec_sha256: was ") for line in found)
    assert "tables: tables[1].rows: 'b' has 5000; in the spec it is 4000" in found


def test_a_plan_without_a_spec_inside_asks_for_one():
    value = json.loads(render(_plan(_case())))
    del value["resolved"]
    found = verify(parse_plan(json.dumps(value), "plan.json"))
    assert [finding.code for finding in found] == ["spec"]


def test_a_broken_spec_inside_the_plan_is_a_finding():
    value = json.loads(render(_plan(_case())))
    value["resolved"]["tables"][1]["rows"] = -3
    found = verify(parse_plan(json.dumps(value), "plan.json"))
    assert [(finding.code, finding.where) for finding in found] == [("spec", "tables[1].rows")]


def test_a_spec_inside_the_plan_with_many_faults_is_one_fault_of_the_plan():
    value = json.loads(render(_plan(_case())))
    for table in value["resolved"]["tables"]:
        table |= {"rows": -3, "dim": 0, "pooling": "many"}
    plan = parse_plan(json.dumps(value), "plan.json")
    with pytest.raises(InputError) as caught:
        carried_case(plan, "plan.json")
    (fault,) = caught.value.diagnostics
    assert fault.path == "tables[0].rows"
    faults = 3 * len(value["resolved"]["tables"])
    assert fault.message.endswith(f", and {faults - 1} more faults")
    assert "changed or damaged" in fault.hint
    (finding,) = verify(plan)
    assert (finding.where, finding.message) == (fault.path, fault.message)


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"topology": "dgx-h10"}, "topology", "unknown topology 'dgx-h10'"),
        ({"cost_model": "torchrek"}, "cost_model", "unknown cost model 'torchrek'"),
        (
            {"cost_model": {"kind": "magic"}},
            "cost_model.kind",
            "unknown kind of cost model 'magic'",
        ),
        (
            {"constraints": [{"tables": "a", "ranks": [16]}]},
            "constraints[0].ranks[0]",
            "there is no rank 16 among 16 devices",
        ),
    ],
)
def test_a_spec_that_names_what_is_not_there_is_an_input_error(changes, path, message):
    with pytest.raises(InputError) as caught:
        _case(**changes)
    fault = caught.value.diagnostics[0]
    assert (fault.file, fault.path, fault.message) == ("spec.yaml", path, message)


def test_sections_that_a_torchrec_cost_model_leaves_out_are_written_into_the_resolved_spec():
    case = _case(cost_model={"kind": "torchrec", "name": "mine"})
    assert case.resolved["cost_model"]["name"] == "mine"
    assert case.resolved["cost_model"].keys() >= {"bandwidths", "kernels", "memory"}
