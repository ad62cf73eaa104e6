"""What an infeasible spec is told: which resource is short, and by how much."""

from __future__ import annotations

import copy
import json
from itertools import product

import numpy as np
import pytest
from click.testing import CliRunner
from effort import examples
from hypothesis import given
from random_specs import TOPOLOGY, build, specs

from shardplan.cli.main import cli
from shardplan.errors import Infeasible, Shortfall
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

WHOLE_IN_HBM = {"tables": "*", "sharding": "table_wise", "kernels": "fused"}
WHOLE_IN_DDR = {"tables": "*", "sharding": "table_wise", "kernels": "fused_uvm"}


ON_SSD = {"tables": "*", "sharding": "table_wise", "kernels": "key_value"}
SSD = {"read": "6GB/s", "write": "3GB/s", "iops": 1e6}


def make_spec(*rows: int, constraints=(WHOLE_IN_HBM,), hbm="1TB", ddr="4TB") -> dict:
    """Tables of 64 fp32 columns on two nodes of two devices."""
    topology = copy.deepcopy(TOPOLOGY)
    topology["device"]["hbm"]["capacity"] = hbm
    topology["node"]["ddr"]["capacity"] = ddr
    return {
        "batch": {"local": 64},
        "topology": topology,
        "tables": [{"name": f"t{i}", "rows": n, "dim": 64} for i, n in enumerate(rows)],
        "constraints": list(constraints),
        "reserve": {"hbm": "0%", "ddr": "0%"},
    }


def unit_bytes(spec: dict) -> np.ndarray:
    """(options, 2): bytes of hbm and ddr of one unit of each option, with memory to spare."""
    problem = formulate(build(spec | {"topology": make_spec()["topology"]})).problem
    return np.hstack([problem.device_bytes[:, :1], problem.node_bytes[:, :1]])


def shortfall(spec: dict, method: str = "milp"):
    """The only shortfall that solving the spec ends in."""
    with pytest.raises(Infeasible) as caught:
        make_plan(build(spec), Settings(method), Reporter())
    (found,) = caught.value.shortfalls
    assert found.needs > found.offers
    return found


def test_a_table_larger_than_any_device():
    spec = make_spec(1000, 5_000_000, hbm="1GB")
    found = shortfall(spec)
    assert (found.subject, found.resource) == ("table t1", "hbm of one device")
    assert found.needs == pytest.approx(unit_bytes(spec)[1, 0])
    assert found.offers == pytest.approx(1e9 - build(spec).capacity.base_bytes[0])


def test_a_table_that_is_too_large_for_ddr_says_so():
    """Its buffers in HBM would fit; its rows in DDR do not."""
    spec = make_spec(5_000_000, constraints=[WHOLE_IN_DDR], hbm="1GB", ddr="1GB")
    found = shortfall(spec)
    assert (found.subject, found.resource) == ("table t0", "ddr of one node")
    assert found.needs == pytest.approx(unit_bytes(spec)[0, 1])


@pytest.mark.parametrize("method", ["auto", "search", "milp", "greedy"])
def test_more_bytes_than_all_devices_have(method):
    """Five tables of 0.9 devices each on four devices."""
    rows = 3_500_000
    spec = make_spec(*[rows] * 5, hbm="1GB")
    found = shortfall(spec, method)
    offers = 4 * (1e9 - build(spec).capacity.base_bytes[0])
    assert (found.subject, found.resource) == ("all tables", "hbm of all devices")
    assert found.needs == pytest.approx(unit_bytes(spec)[:, 0].sum())
    assert found.offers == pytest.approx(offers)
    assert found.remedy == "1 more node of this kind"


def test_less_reserve_is_the_remedy_where_that_is_enough():
    """Four tables of 0.9 devices each, of which 20% are reserved."""
    spec = make_spec(*[3_500_000] * 4, hbm="1GB") | {"reserve": {"hbm": "20%", "ddr": "0%"}}
    spec["tables"][0]["rows"] = 3_000_000
    case = build(spec)
    usable = 0.8e9 - case.capacity.base_bytes[0]
    spec["constraints"] = [{"tables": "*", "kernels": "fused", "sharding": "row_wise"}]
    found = shortfall(spec)
    needs = 4 * unit_bytes(spec)[:, 0].sum()
    assert found.missing == pytest.approx(needs - 4 * usable)
    share = np.floor(1000 * (0.2 - found.missing / 4 / 1e9)) / 10
    assert found.remedy.startswith(f"a reserve of {share:g}% instead of 20.0%")
    spec["reserve"]["hbm"] = f"{share:g}%"
    assert make_plan(build(spec), Settings(), Reporter()).optimality.gap < 0.01


def test_room_in_total_but_not_on_any_device():
    """Five tables of 0.6 devices each on four devices: two must meet, and one device holds 1.2."""
    spec = make_spec(*[2_300_000] * 5, hbm="1GB")
    found = shortfall(spec)
    assert found.resource == "hbm"
    needs = 2 * unit_bytes(spec)[0, 0]
    assert needs * 0.998 <= found.needs <= needs * (1 + 1e-9)


def test_room_in_total_but_not_on_any_node():
    """Three tables of 0.6 nodes of DDR each on two nodes."""
    spec = make_spec(*[2_300_000] * 3, constraints=[WHOLE_IN_DDR], ddr="1GB")
    found = shortfall(spec)
    assert found.resource == "ddr"
    needs = 2 * unit_bytes(spec)[0, 1]
    assert needs * 0.998 <= found.needs <= needs * (1 + 1e-9)


def with_ssd(spec: dict, capacity: str) -> dict:
    """The spec with so much SSD on each node, none of it reserved."""
    spec["topology"]["node"]["ssd"] = SSD | {"capacity": capacity}
    return spec | {"reserve": spec["reserve"] | {"ssd": "0%"}}


def test_ssd_that_is_short_in_total_is_called_ssd():
    """Five tables of 0.9 GB on two nodes with 2 GB each; there is DDR enough for their caches."""
    spec = with_ssd(make_spec(*[3_500_000] * 5, constraints=[ON_SSD]), "2GB")
    found = shortfall(spec)
    assert (found.subject, found.resource) == ("all tables", "ssd of all nodes")
    assert found.offers == 2 * 2e9
    assert found.missing == pytest.approx(5 * 3_500_000 * 64 * 4 - 4e9, abs=1)


def test_room_in_total_but_not_on_any_nodes_ssd():
    """Three tables of 0.6 nodes of SSD each on two nodes."""
    spec = with_ssd(make_spec(*[2_300_000] * 3, constraints=[ON_SSD]), "1GB")
    found = shortfall(spec)
    assert (found.resource, found.offers) == ("ssd", 1e9)
    needs = 2 * 2_300_000 * 64 * 4
    assert needs * 0.998 <= found.needs <= needs * (1 + 1e-9)


def test_tiers_that_are_both_short_are_named_apart():
    """Three tables must lie in DDR and three on SSD; DDR also keeps rows on their way to SSD."""
    in_ddr, on_ssd = ["t0", "t1", "t2"], ["t3", "t4", "t5"]
    demands = [WHOLE_IN_DDR | {"tables": in_ddr}, ON_SSD | {"tables": on_ssd}]
    spec = make_spec(*[3_500_000] * 6, constraints=demands, ddr="1GB")
    with pytest.raises(Infeasible) as caught:
        make_plan(build(with_ssd(spec, "1GB")), Settings(), Reporter())
    ddr, ssd = caught.value.shortfalls
    assert (ddr.resource, ssd.resource) == ("ddr of all nodes", "ssd of all nodes")
    table_bytes = 3_500_000 * 64 * 4
    assert ssd.missing == pytest.approx(3 * table_bytes - 2e9, abs=1)
    assert 3 * table_bytes - 2e9 < ddr.missing < 1.05 * (3 * table_bytes - 2e9)


def test_more_tables_apart_than_devices():
    found = shortfall(make_spec(*[1000] * 5, constraints=[{"tables": "*", "apart": True}]))
    assert (found.subject, found.resource) == ("tables t0, t1, t2, t3, t4 (apart)", "devices")
    assert (found.needs, found.offers, found.unit) == (5, 4, "count")


def test_tables_apart_on_too_few_of_their_ranks():
    """Five tables have four ranks, but three of them only two: those three are named."""
    demands = [
        {"tables": ["t0", "t1", "t2", "t3"], "apart": True},
        {"tables": ["t1", "t2", "t3"], "ranks": [1, 2]},
    ]
    found = shortfall(make_spec(*[1000] * 5, constraints=demands))
    assert (found.subject, found.resource) == ("tables t1, t2, t3 (apart)", "devices")
    assert (found.needs, found.offers) == (3, 2)


def test_ranks_without_a_whole_node():
    """Ranks 1 and 2 are of two nodes, and table-row-wise needs all of one."""
    demand = {"tables": "*", "sharding": "table_row_wise", "ranks": [1, 2]}
    found = shortfall(make_spec(1000, constraints=[demand]))
    assert found.resource == "legal ways to shard it"
    assert "ranks of a node; constraints[" in found.reasons[0]
    assert found.remedy.startswith("without constraints[0], t0 could be")


def test_no_legal_way_to_shard():
    """Three rows cannot be cut for four devices."""
    demand = {"tables": "t0", "sharding": "row_wise"}
    found = shortfall(make_spec(3, 1000, constraints=[demand]))
    assert (found.subject, found.resource) == ("table t0", "legal ways to shard it")


@given(specs(most_tables=3))
@examples(60)
def test_totals_that_are_short_are_short_by_the_least_that_would_do(spec):
    """No choice of options lacks less in total than is reported."""
    case = build(spec)
    found = _shortfalls(case)
    assert all(short.needs > short.offers for short in found)
    per_tier = ("hbm of all devices", "ddr of all nodes")
    totals = [s for s in found if s.subject == "all tables" and s.resource in per_tier]
    if totals:
        assert sum(short.missing for short in totals) <= _least_missing(case) * 1.002


def test_tables_beyond_all_memory_are_summed_up_before_each_is_named():
    """Two tables that each exceed the cluster: the sum of both comes first."""
    with pytest.raises(Infeasible) as caught:
        formulate(build(make_spec(60_000_000, 50_000_000, constraints=(), hbm="1GB", ddr="1GB")))
    total, *each = caught.value.shortfalls
    assert total.resource == "the memory of all devices and nodes, after reserve"
    assert total.needs >= 110_000_000 * 64 * 4
    assert total.offers <= 4 * 1e9 + 2 * 1e9
    assert [short.subject for short in each] == ["table t0", "table t1"]


def test_a_batch_that_leaves_no_room_for_tables_is_named_as_the_cause():
    spec = make_spec(1000, hbm="1GB") | {"batch": {"local": 64}}
    spec["training"] = {"dense": {"memory": "2GB"}}
    with pytest.raises(Infeasible) as caught:
        formulate(build(spec))
    (found,) = caught.value.shortfalls
    assert "dense model" in found.subject
    assert found.resource == "hbm of one device"
    assert found.needs >= 2e9
    assert found.offers == 1e9


def _shortfalls(case) -> tuple[Shortfall, ...]:
    try:
        make_plan(case, Settings("milp", gap=1e9), Reporter())  # any plan will do
    except Infeasible as error:
        return error.shortfalls
    return ()


def _least_missing(case) -> float:
    """Bytes over all capacities together, of the best choice of one option per item."""
    problem = formulate(case).problem
    total = np.hstack([problem.total_device_bytes, problem.total_node_bytes])
    offers = np.hstack([problem.device_capacity.sum(axis=0), problem.node_capacity.sum(axis=0)])
    return min(
        np.maximum(total[list(options)].sum(axis=0) - offers, 0.0).sum()
        for options in product(*(problem.options_of(item) for item in range(problem.item_count)))
    )


def test_the_command_line_exits_with_3_and_says_what_is_short(tmp_path):
    path = tmp_path / "spec.json"
    path.write_text(json.dumps(make_spec(*[3_500_000] * 5, hbm="1GB")))
    result = CliRunner().invoke(cli, ["solve", str(path), "-q"])
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "hbm of all devices" in result.stderr.lower()
