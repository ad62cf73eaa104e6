"""Bounds over whole ranges of nodes, held against the bound of each number."""

from __future__ import annotations

from pathlib import Path

import pytest

from shardplan import load
from shardplan.build_case import build_case
from shardplan.size.bounds.least_step import least_step
from shardplan.size.bounds.range_bound import RangeBound
from shardplan.size.bounds.scale_bounds import MOST_CASES, ScaleBounds
from shardplan.spec.load import load_spec

EXAMPLES = Path(__file__).parents[2] / "examples"
ROUNDING = 1 + 1e-6


def cases_of(spec):
    """The case on any number of nodes, each made once."""
    case, known = load(spec), {}

    def of(nodes):
        if nodes not in known:
            machine = case.machine.with_nodes(nodes)
            known[nodes] = case.with_(machine=machine)
        return known[nodes]

    return of


def tables(count=12, rows=3_000_000, **more):
    return [
        {"name": f"t{n}", "rows": rows * (1 + n % 5) + n, "dim": 64 * (1 + n % 3), "pooling": 3 + n}
        | more
        for n in range(count)
    ]


def spec(topology="dgx-h100", batch=None, **more):
    return {
        "batch": batch or {"global": 65_536},
        "topology": {"name": topology, "nodes": 1},
        "training": {"optimizer": "rowwise_adagrad", "exact_updates": False},
        "tables": tables(),
        **more,
    }


SPACES = {
    "strong": spec(),
    "weak": spec(batch={"local": 1024}),
    "over TCP": spec("zion"),
    "domains of many nodes": spec("gb200-nvl72"),
    "measured across nodes": spec("aws-p6-b200"),
    "hot rows": spec(tables=tables(access={"zipf": 1.2}), batch={"global": 8192}),
    "small tables": spec(tables=tables(rows=300)),
    "rows rounded up": spec(
        "l40s-pcie",
        batch={"local": 2048},
        tables=tables(rows=24),
        training={"exact_updates": False},
    ),
    "caches": spec("dgx-a100", tables=tables(rows=60_000_000, access={"zipf": 1.05})),
    "torchrec": spec(cost_model="torchrec"),
    "dense layers": spec(
        training={"dense": {"layers": [{"mlp": [512, 1024, 1024, 1]}], "dtype": "bf16"}}
    ),
}


@pytest.mark.parametrize("name", SPACES)
def test_a_range_is_below_every_number_of_nodes_in_it(name):
    case_of = cases_of(SPACES[name])
    domain = case_of(1).machine.file.domain_nodes
    first, last = (2, 12) if domain == 1 else (2 * domain, 4 * domain)
    bound = RangeBound.of(case_of(first), case_of(last))
    counts = range(first, last + 1, domain)
    points = {nodes: least_step(case_of(nodes)).seconds for nodes in counts}
    for nodes, seconds in points.items():
        assert bound.seconds(nodes) <= seconds * ROUNDING, nodes
        assert bound.least_seconds <= seconds * ROUNDING, nodes
        assert bound.least_node_seconds <= seconds * nodes * ROUNDING, nodes
    narrow = RangeBound.of(case_of(counts[-2]), case_of(last))
    assert name == "rows rounded up" or narrow.seconds(last) > 0.65 * points[last]


def test_from_one_domain_to_several_nothing_is_claimed():
    case_of = cases_of(SPACES["strong"])
    assert RangeBound.of(case_of(1), case_of(3)).seconds(2) == 0
    bounds = ScaleBounds.of(case_of, (1, 2, 3))
    assert {(each.first, each.last) for each in bounds.ranges} == {(1, 2), (2, 3)}


def test_many_node_counts_are_bounded_from_a_few_cases():
    case_of = cases_of(spec())
    made = []

    def counting(nodes):
        made.append(nodes)
        return case_of(nodes)

    bounds = ScaleBounds.of(counting, range(1, 251), most_cases=10)
    assert len(made) <= 10 < MOST_CASES
    assert all(bounds.seconds(n) > 0 for n in range(1, 251))
    assert [n for n in bounds.points if not 1 <= n <= 250] == []
    with pytest.raises(KeyError):
        bounds.seconds(251)
    for nodes in (3, 70):
        exact = least_step(case_of(nodes)).seconds
        assert 0.6 * exact <= bounds.seconds(nodes) <= exact * ROUNDING


def test_fewer_nodes_than_hold_the_tables_are_proven_impossible():
    big = tables(rows=200_000_000)
    only = [{"tables": "*", "kernels": ["fused", "dense"]}]
    case_of = cases_of(spec(tables=big, constraints=only))
    bounds = ScaleBounds.of(case_of, range(1, 17))
    room = bounds.with_room
    assert room == tuple(range(room[0], 17))
    assert 1 < room[0] < 16
    needs = sum(each["rows"] * each["dim"] * 4 for each in big)
    free = case_of(room[0]).capacity.free_bytes[0] * 8
    assert (room[0] - 1) * free < needs * 1.05
    assert needs <= room[0] * free * 1.05


def test_a_target_leaves_those_open_that_no_proof_rules_out():
    case_of = cases_of(spec())
    bounds = ScaleBounds.of(case_of, (1, 2, 4, 8, 16))
    target = least_step(case_of(4)).seconds
    assert bounds.open_to(target)[0] == 4


def test_what_is_shipped_is_bounded_too():
    case = build_case(load_spec(str(EXAMPLES / "dlrm_dcnv2.yaml")))
    case_of = lambda nodes: case.with_(machine=case.machine.with_nodes(nodes))  # noqa: E731
    bound = RangeBound.of(case_of(2), case_of(8))
    for nodes in (2, 3, 5, 8):
        assert bound.seconds(nodes) <= least_step(case_of(nodes)).seconds * ROUNDING
