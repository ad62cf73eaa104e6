"""Options graded more coarsely where there are too many."""

from __future__ import annotations

import pytest
from tier_specs import build

from shardplan.options.enumerate import enumerate_options, graded_options
from shardplan.options.grading import COMPLETE, GRADINGS
from shardplan.options.offer import Offer
from shardplan.plan.verify import verify
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.sharding.kernel import KERNELS
from shardplan.solve.reporter import Reporter
from shardplan.solve.search.search_params import SearchParams, SharedParams
from shardplan.solve.settings import Settings

SPEC = {
    "batch": {"local": 256},
    "training": {"optimizer": "sgd"},
    "topology": {"name": "dgx-h100", "nodes": 2},
    "defaults": {"dim": 64},
    "tables": [
        {"name": f"t{n}", "rows": 300_000_000 + n, "access": {"zipf": 1.05}} for n in range(12)
    ],
}
FEW = SharedParams(most_options=400)


@pytest.fixture(scope="module")
def case():
    return build(SPEC)


def ways(options):
    return set(zip(*(getattr(options, name).tolist() for name in options.__slots__), strict=True))


def test_each_grading_takes_of_the_one_before_and_keeps_the_leanest_and_the_finest(case):
    given = case.workload, case.topology.world, (), Offer(frozenset(KERNELS))
    every = enumerate_options(*given)
    before, taken = every, COMPLETE
    while taken != GRADINGS[-1]:
        found, taken = graded_options(*given, len(before) - 1)
        assert ways(found) < ways(before)
        assert set(found.kernel.tolist()) == set(every.kernel.tolist())
        assert found.hbm_share.min() == every.hbm_share.min()
        for kind in set(every.sharding.tolist()):
            own, all_own = (each.column_shards[each.sharding == kind] for each in (found, every))
            assert (own.min(), own.max()) == (all_own.min(), all_own.max())
        before = found


def test_a_plan_of_some_options_is_verified_and_claims_no_bound(case):
    assert formulate(case).problem.is_partial is False
    assert formulate(case, params=FEW).problem.is_partial
    settings = Settings("greedy", effort=0.01, search=SearchParams(shared=FEW))
    plan = make_plan(case, settings, Reporter())
    assert verify(plan, case) == ()
    assert (plan.optimality.bound, plan.optimality.gap) == ("none", None)
    assert plan.optimality.lower_bound_seconds == 0
