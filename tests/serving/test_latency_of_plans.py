"""Latency under load in plans for serving: limits kept, by replicas that are counted for it."""

from __future__ import annotations

import pytest
from served_specs import served

from shardplan.errors import NoPlanFound
from shardplan.explain.report.served.latency_sections import latency_lines
from shardplan.latency.query_latency import Claim
from shardplan.serving.planner import make_served_plan
from shardplan.serving.verify import verify_served
from shardplan.simulation.simulate import Scenario, simulate

DENSE = {"gpu": {"base": "1ms"}}
"""4,000 queries/s of little more at the peak: 6 replicas by work alone."""


def simulated_p99(case, plan, down: int = 0) -> tuple[float, float]:
    """Of 40,000 queries, and how far off it may be."""
    scenario = Scenario(40_000, 1.0, down)
    (p99,) = simulate(plan, case.serving, scenario, (0.99,)).percentiles
    return p99.seconds, p99.half_width_seconds


def test_limits_are_kept_in_simulation_and_are_not_with_fewer_replicas() -> None:
    case = served(dense=DENSE, slo={"p99": "3ms"}, replicas={"devices": 1})
    plan = make_served_plan(case)
    assert verify_served(plan) == ()
    replicas, (up, down) = plan.replicas, plan.prediction.latency.replicas
    assert replicas.lower_bound < replicas.plan_lower_bound <= replicas.count
    kept, doubt = simulated_p99(case, plan)
    assert kept <= 3e-3 + doubt
    assert up.percentiles[-1].seconds == pytest.approx(kept, abs=0.03 * kept + doubt)
    assert up.headroom.queries_per_second >= case.serving.load.peak_queries_per_second * 0.99
    assert down.percentiles[-1].seconds > 3e-3  # the fewest
    late, doubt = simulated_p99(case, plan, down=replicas.count // 3)
    assert late > 3e-3 + doubt


def test_limits_are_kept_while_the_spare_replicas_are_down() -> None:
    case = served(dense=DENSE, slo={"p99": "3ms"}, replicas={"devices": 1, "spare": 2})
    plan = make_served_plan(case)
    loads = plan.prediction.latency.replicas
    assert [load.down for load in loads] == [0, 1, 2]
    seconds = [load.percentiles[-1].seconds for load in loads]
    assert seconds == sorted(seconds)
    assert seconds[-1] <= 3e-3
    assert loads[-1].utilisation == plan.replicas.utilisation
    assert plan.prediction.latency.claim is Claim.EXACT


def test_without_a_formula_the_plan_says_so_and_counts_replicas_by_work() -> None:
    batching = {"batching": {"max_samples": 2000}, "replicas": {"devices": 1, "workers": 2}}
    case = served(dense=DENSE, slo={"p99": "5ms"}, **batching)
    plan = make_served_plan(case)
    assert verify_served(plan) == ()
    latency = plan.prediction.latency
    assert (latency.claim, latency.replicas) == (None, ())
    assert plan.replicas.plan_lower_bound == plan.replicas.count
    (line,) = latency_lines(plan)
    assert "no formula for batches of several workers of a replica" in line


def test_what_is_never_below_the_truth_refuses_no_plan() -> None:
    """Five parts of a query, one after the other, take longer than the limit of one."""
    case = served(dense=DENSE, slo={"p99": "3ms"}, batching={"split": 100},
                  replicas={"devices": 1, "max": 60})  # fmt: skip
    plan = make_served_plan(case)
    assert verify_served(plan) == ()
    latency = plan.prediction.latency
    assert latency.claim is Claim.NEVER_BELOW
    assert latency.replicas[0].percentiles[-1].seconds > 3e-3
    assert latency.replicas[0].headroom.queries_per_second == 0


def test_limits_that_no_number_of_replicas_keeps_are_refused() -> None:
    case = served(dense=DENSE, slo={"p99": "3ms"}, replicas={"devices": 1, "max": 7})
    with pytest.raises(NoPlanFound, match="p99 of 3 ms cannot be kept at the peak"):
        make_served_plan(case)


def test_latency_that_was_changed_by_hand_is_found() -> None:
    plan = make_served_plan(served(slo={"p99": "3ms"}))
    latency = plan.prediction.latency
    for change in ({"claim": None}, {"replicas": latency.replicas[:1] * 3}):
        other = latency.model_copy(update=change)
        prediction = plan.prediction.model_copy(update={"latency": other})
        found = verify_served(plan.model_copy(update={"prediction": prediction}))
        assert [(each.code, each.where) for each in found] == [("prediction", "prediction.latency")]
