"""Plans whose tables lie behind caches, taken up again as they are."""

import numpy as np
import pytest

from shardplan.build_case import case_of_value
from shardplan.explain.numbers.study import Study
from shardplan.options.cache_mix import cache_mix
from shardplan.options.load_factors import CACHE_SIZES
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.sharding.kernel import Kernel
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.whatif.choice import Choice
from shardplan.whatif.why_not import why_not

SPEC = {
    "batch": {"global": 4096},
    "topology": "workstation",
    "defaults": {"dim": 64, "dtype": "fp32", "access": {"zipf": 1.05}},
    "tables": [
        {"name": "huge", "rows": 500_000_000, "pooling": 3},
        {"name": "large", "rows": 150_000_000, "pooling": 10},
        {"name": "middle", "rows": 20_000_000, "pooling": 5},
        {"name": "small", "rows": 1_000_000},
    ],
}


@pytest.fixture(scope="module")
def study():
    case = case_of_value(SPEC, "spec")
    return Study.of(make_plan(case, Settings(method="greedy"), Reporter()), "plan.json", case)


def test_a_plan_is_taken_up_with_caches_of_its_own_sizes(study):
    decisions = study.ledger.decisions
    assert {Kernel.KEY_VALUE, Kernel.FUSED_UVM_CACHING} & {each.kernel for each in decisions}
    formulation = formulate(study.case)
    placement, is_placed = formulation.placement(decisions)
    assert is_placed.all()
    for again, decision in zip(formulation.decisions(placement), decisions, strict=True):
        assert (again.kernel, again.targets) == (decision.kernel, decision.targets)
        assert (again.load_factor or 0) == pytest.approx(decision.load_factor or 0, rel=1e-6)
        assert again.ddr_load_factor == pytest.approx(decision.ddr_load_factor, rel=1e-6)
    reached = evaluate(formulation.problem, placement)
    assert reached.objective == pytest.approx(study.plan.prediction.step_seconds, rel=1e-6)


def test_with_all_else_fixed_caches_keep_their_sizes(study):
    (middle,) = (t.index for t in study.planned if t.table.name == "middle")
    kernel = study.ledger.decisions[middle].kernel
    other = Kernel.FUSED_UVM if kernel is not Kernel.FUSED_UVM else Kernel.FUSED_UVM_CACHING
    choice = Choice.parse(f"middle={other}", study.case)
    found = why_not(
        study.plan, study.case, study.ledger.decisions, choice, Settings(gap=0.05), Reporter()
    )
    assert [table.name for table in found.fixed.diff.tables] == ["middle"]


@pytest.mark.parametrize(
    ("hbm", "ddr"), [(0.1, 0.3), (0.01, 0.0), (0.3, 0.05), (0.125, 0.125), (0.45, 0.45), (0.9, 0)]
)
def test_options_are_mixed_to_the_size_of_a_cache(hbm, ddr):
    offered = np.array(CACHE_SIZES)
    mix = cache_mix(offered[:, 0], offered[:, 1], hbm, ddr)
    assert (mix >= 0).all()
    assert mix.sum() == pytest.approx(1)
    assert mix @ offered == pytest.approx([hbm, ddr])
    # Neighbours alone, between which costs are straight.
    used = offered[mix > 0]
    levels = np.unique(offered[:, 0])
    for sizes in (used[:, 0], used.sum(axis=1)):
        assert np.ptp(np.searchsorted(levels, sizes - 1e-12)) <= 1


def test_of_options_that_are_not_all_there_the_nearest_is_taken():
    hbm, ddr = np.array([0.25, 0.5]), np.array([0.25, 0.4])
    assert cache_mix(hbm, ddr, 0.3, 0.22).tolist() == [1.0, 0.0]
