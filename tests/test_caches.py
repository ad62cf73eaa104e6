"""Plans with caches over DDR and SSD, from the problem to the file and back."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import inf
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shardplan.build_case import case_of_value
from shardplan.options.load_factors import LOAD_FACTORS
from shardplan.plan.build_plan import build_plan
from shardplan.plan.decision import Decision, options_of
from shardplan.plan.file.optimality import Optimality, Status, Termination
from shardplan.plan.file.provenance import RunInfo, SolverInfo
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.rounding import rounded_down
from shardplan.plan.file.write import render
from shardplan.plan.planned import planned_tables
from shardplan.plan.predict import predict
from shardplan.plan.recover import decision_of
from shardplan.plan.verify import verify
from shardplan.planning.formulate import formulate
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.problem import Shape
from shardplan.spec.objective import Objective

if TYPE_CHECKING:
    from shardplan.planning.formulation import Formulation

PLAIN = [kernel for kernel in KERNELS if not kernel.is_dynamic]
TABLES = [
    {"name": "ids", "rows": 40_000_000, "dim": 64, "pooling": 10, "access": {"zipf": 1.05}},
    {"name": "goods", "rows": 30_000_000, "dim": 128, "pooling": 2, "access": {"zipf": 0.9}},
    {"name": "users", "rows": 50_000_000, "dim": 32, "pooling": 1, "access": "uniform"},
    {"name": "small", "rows": 1_000, "dim": 64, "pooling": 4, "access": "uniform"},
]


def cached_case(
    hbm="6GiB", ddr="24GiB", pipeline="prefetch_sparse_dist", constraints=(), algorithm="lru"
):
    """Some 34 GB of tables on two nodes of two devices."""
    return case_of_value(
        {
            "name": "cached",
            "batch": {"global": 4096},
            "topology": {
                "name": "two",
                "cost_model": "h100",
                "nodes": 2,
                "devices_per_node": 2,
                "device": {"hbm": {"capacity": hbm, "read": "3TB/s"}, "host_link": "64GB/s"},
                "node": {
                    "ddr": {"capacity": ddr, "read": "200GB/s", "write": "160GB/s"},
                    "ssd": {"capacity": "1TB", "read": "12GB/s", "write": "6GB/s", "iops": 2e6},
                },
                "scale_up": {"kind": "switch", "bandwidth": "450GB/s"},
                "nics": {"count": 2, "rate": "50GB/s"},
            },
            "cost_model": "h100",
            "training": {"pipeline": pipeline, "cache_algorithm": algorithm},
            "tables": TABLES,
            "constraints": list(constraints),
        },
        "cached",
    )


@cache
def case_and_formulation():
    case = cached_case()
    return case, formulate(case)


@pytest.fixture
def formulation():
    return case_and_formulation()[1]


def placed(formulation: Formulation, kernel: Kernel, rng):
    """Every item by one blend of this kernel where it has one, and a mix of two of its options."""
    problem, options = formulation.problem, formulation.options
    chosen, targets = [], []
    weights = np.zeros(problem.option_count)
    for item in range(problem.item_count):
        own = np.array(problem.options_of(item))
        fitting = own[options.has_kernel(lambda each: each is kernel)[formulation.members[own, 0]]]
        start = int(rng.choice(fitting if len(fitting) else own))
        blend = own[problem.blend[own] == problem.blend[start]]
        first = int(rng.integers(max(len(blend) - 1, 1)))
        share = rng.random() if len(blend) > 1 else 1.0
        weights[blend[first]] = share
        weights[blend[-1 if len(blend) == 1 else first + 1]] += 1 - share
        chosen.append(int(blend[first]))
        places = {Shape.DEVICE: problem.device_count, Shape.NODE: problem.node_count, Shape.ALL: 0}
        limit = places[Shape(problem.shape[start])]
        units = int(problem.units[start]) if limit else 0
        targets.append(rng.integers(limit, size=units) if limit else np.zeros(0, int))
    return Placement.of(np.array(chosen), targets), weights


def plan_of(case, decisions):
    prediction = predict(case, decisions)
    optimality = Optimality.of(
        Objective.STEP_TIME,
        prediction.step_seconds,
        0.0,
        bound="none",
        status=Status.FEASIBLE,
        termination=Termination.FINISHED,
    )
    solver = SolverInfo(method="by hand", seed=0, shardplan_version="0", highs_version=None)
    run = RunInfo(generated_at="2026-01-01T00:00:00Z", elapsed_seconds=0.5)
    return build_plan(case, decisions, prediction, optimality, solver, run)


@settings(max_examples=30)
@given(st.sampled_from([kernel for kernel in PLAIN if kernel.caches]), st.integers(0, 10**6))
def test_a_mix_costs_at_most_the_mix_of_what_its_options_cost(kernel, seed):
    """Bytes are equal but for the rounding of shares; between neighbours seconds are, too."""
    case, formulation = case_and_formulation()
    problem = formulation.problem
    placement, weights = placed(formulation, kernel, np.random.default_rng(seed))
    mixed = np.zeros((problem.item_count, problem.option_count))
    mixed[problem.item_of_option, np.arange(problem.option_count)] = weights
    blended = replace(
        problem,
        load_seconds=mixed_rows(problem, placement, mixed @ problem.load_seconds),
        device_bytes=mixed_rows(problem, placement, mixed @ problem.device_bytes, "device_bytes"),
        node_bytes=mixed_rows(problem, placement, mixed @ problem.node_bytes, "node_bytes"),
        spill_seconds=mixed_rows(
            problem, placement, mixed @ problem.spill_seconds, "spill_seconds"
        ),
    )
    claimed = evaluate(blended, placement)
    found = predict(case, formulation.decisions(replace(placement, weights=weights)))
    constants = [phase.constant_seconds for phase in found.phases]
    loads = claimed.load_seconds + constants + found.charges.total_seconds
    assert (found.rank_seconds <= loads * (1 + 1e-8) + 1e-15).all()
    free = found.rank_memory_bytes - case.cost_model.base_memory_bytes
    assert (free[:, 0] <= claimed.device_bytes[:, 0] + 1e-3).all()
    assert free[:, 0] == pytest.approx(claimed.device_bytes[:, 0], rel=1e-8)
    on_nodes = free.reshape(2, 2, 3).sum(axis=1)[:, 1:]
    assert (on_nodes <= claimed.node_bytes + 1e-3).all()
    if kernel is Kernel.FUSED_UVM_CACHING:
        assert found.rank_seconds == pytest.approx(loads, rel=1e-7)


def mixed_rows(problem, placement, of_item, name="load_seconds"):
    """What the options cost, with that of the chosen ones replaced by their item's mix."""
    rows = getattr(problem, name).copy()
    rows[placement.option] = of_item
    return rows


@settings(max_examples=20)
@given(st.sampled_from([kernel for kernel in PLAIN if kernel.caches]), st.integers(0, 10**6))
def test_a_plan_with_caches_is_read_back_as_it_was(kernel, seed):
    """The same decisions, the same prediction to the bit, and nothing that ``verify`` finds."""
    case, formulation = case_and_formulation()
    placement, weights = placed(formulation, kernel, np.random.default_rng(seed))
    decisions = formulation.decisions(replace(placement, weights=weights))
    plan = parse_plan(render(plan_of(case, decisions)), "plan.json")
    back = [decision_of(one, case.topology.world) for one in planned_tables(plan, case.workload)]
    assert [replace(d, targets=()) for d in back] == [replace(d, targets=()) for d in decisions]
    first, second = (predict(case, each) for each in (decisions, back))
    assert first.rank_seconds == pytest.approx(second.rank_seconds, rel=1e-12)
    assert first.rank_memory_bytes == pytest.approx(second.rank_memory_bytes, rel=1e-15)
    assert {finding.code for finding in verify(plan, case)} <= {"memory"}


def test_plans_say_which_row_leaves_a_cache():
    """As the spec has it, but for tables on SSD; ``verify`` finds what was planned otherwise."""
    lfu = cached_case(pipeline="sparse_dist", algorithm="lfu")
    over_ddr, over_ssd = Kernel.FUSED_UVM_CACHING, Kernel.KEY_VALUE
    kernels = (over_ddr, over_ssd, Kernel.FUSED_UVM, Kernel.FUSED)
    decisions = [
        Decision(i, ShardingType.TABLE_WISE, kernel, 1, (i,), share, 0.1 if i == 1 else 0.0)
        for i, (kernel, share) in enumerate(zip(kernels, (0.05, 0.02, None, None), strict=True))
    ]
    plan = parse_plan(render(plan_of(lfu, decisions)), "plan.json")
    caches = [entry.cache for entry in plan.plan["sparse.ebc"].values()]
    assert [each.algorithm.value if each else None for each in caches] == ["lfu", "lru", None, None]
    assert verify(plan, lfu) == ()
    found = verify(plan, cached_case(pipeline="sparse_dist"))
    assert "its cache is lfu; the spec says lru" in {finding.message for finding in found}


def test_shares_never_grow_by_rounding():
    for value in (2**-9, 0.9, 0.9 - 2**-9, 1 / 3, 0.123456789987654321, 1e-5 / 7, 0.0):
        assert value * (1 - 1e-8) <= rounded_down(value) <= value
    assert [rounded_down(share) for share in LOAD_FACTORS] == list(LOAD_FACTORS)


def test_options_of_decisions_have_their_caches(formulation):
    placement, weights = placed(formulation, Kernel.KEY_VALUE, np.random.default_rng(1))
    decisions = formulation.decisions(replace(placement, weights=weights))
    options = options_of(decisions)
    cached = options.has_kernel(lambda kernel: kernel.caches)
    assert cached.any()
    for decision, share in zip(decisions, options.hbm_share.tolist(), strict=True):
        in_hbm = decision.kernel in (Kernel.DENSE, Kernel.FUSED)
        assert share == (decision.load_factor or float(in_hbm))


@pytest.mark.parametrize(
    ("hbm", "ddr", "kernels"),
    [
        ("80GiB", "1TiB", {Kernel.DENSE, Kernel.FUSED, Kernel.FUSED_UVM}),
        ("12GiB", "1TiB", set(PLAIN) - {Kernel.KEY_VALUE}),
        ("6GiB", "8GiB", set(PLAIN)),
    ],
)
def test_caches_are_offered_where_memory_is_scarce(hbm, ddr, kernels):
    options = formulate(cached_case(hbm, ddr)).options
    assert {options.compute_kernel(row) for row in range(len(options))} == kernels


def test_caches_are_offered_where_they_are_asked_for():
    asked = [{"tables": "small", "kernels": ["fused_uvm_caching"]}]
    options = formulate(cached_case("80GiB", "1TiB", constraints=asked)).options
    of_small = {options.compute_kernel(row) for row in np.flatnonzero(options.table == 3)}
    assert of_small == {Kernel.FUSED_UVM_CACHING}
    others = {options.compute_kernel(row) for row in np.flatnonzero(options.table != 3)}
    assert others == {Kernel.DENSE, Kernel.FUSED, Kernel.FUSED_UVM}


def test_larger_caches_cost_more_memory_and_less_time(formulation):
    problem, options = formulation.problem, formulation.options
    row = formulation.members[:, 0]
    for blend in np.unique(problem.blend).tolist():
        own = np.flatnonzero(problem.blend == blend)
        if options.compute_kernel(row[own[0]]) is not Kernel.FUSED_UVM_CACHING:
            continue
        assert (np.diff(problem.device_bytes[own, 0]) > 0).all()
        assert (np.diff(problem.load_seconds[own], axis=0) <= 0).all()
        assert problem.load_seconds[own].max() < inf


def test_caches_too_large_for_a_device_stay_where_smaller_ones_fit():
    """A cache of 30% may fit where one of 50% does not: it is a mix of 25% and 50%."""
    problem = formulate(cached_case("3GiB", "24GiB")).problem
    too_large = problem.device_bytes[:, 0] > problem.device_capacity[0, 0]
    assert too_large.any()
    assert np.isin(problem.blend[too_large], problem.blend[~too_large]).all()
