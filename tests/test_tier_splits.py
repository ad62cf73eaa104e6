"""Solves with three tiers of memory: no split on a grid is better, and more HBM never hurts.

The integer program alone proves most of it: of a few tables it has the best plan in a second or
two, where the default method searches first for several times as long.
"""

from __future__ import annotations

import pytest
from effort import examples
from every_split import best_by_force
from hypothesis import assume, given
from hypothesis import strategies as st
from tier_specs import build, tier_specs, with_hbm

from shardplan.errors import NoPlanFound
from shardplan.explain.numbers.study import Study
from shardplan.plan.verify import verify
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

FINE = (2**-7, 0.02, 0.08, 0.2, 0.45, 0.9)
MIDDLE = (2**-7, 0.05, 0.15, 0.3, 0.6)
COARSE = (0.15,)
GAP = 1e-3
"""Asked of the solver; what it claims may differ from the best by so much."""
LITTLE = 0.02
"""Of the default method's effort: a search that ends by its rounds, not by the clock."""


def solved(spec, method="milp", effort=0.1):
    """The seconds of the case's plan, which passes ``verify``, and its lower bound."""
    case = build(spec)
    limits = Settings(method, gap=GAP / 2, time_limit_seconds=1e6, effort=effort)
    plan = make_plan(case, limits, Reporter())
    assert verify(plan, case) == ()
    return plan.prediction.step_seconds, plan.optimality.lower_bound_seconds


def no_split_beats_the_plan(spec, shares):
    """Neither the plan's prediction nor any bound exceeds the best of the grid."""
    best, _ = best_by_force(build(spec), shares)
    ours, bound = solved(spec)
    assert bound <= best * (1 + 1e-6)
    assert ours <= best * (1 + GAP)
    searched, bound_of_search = solved(spec, "auto", LITTLE)
    assert bound_of_search <= best * (1 + 1e-6)
    assert searched >= bound * (1 - 1e-6)


@examples(4)
@given(tier_specs(2, 2))
def test_no_split_of_two_tables_beats_the_plan(spec):
    no_split_beats_the_plan(spec, FINE)


@pytest.mark.slow
@examples(4)
@given(tier_specs(3, 3))
def test_no_split_of_three_tables_beats_the_plan(spec):
    no_split_beats_the_plan(spec, MIDDLE)


@pytest.mark.slow
@examples(3)
@given(tier_specs(4, 5))
def test_no_split_of_up_to_five_tables_beats_the_plan(spec):
    no_split_beats_the_plan(spec, COARSE)


@pytest.mark.slow
@examples(2)
@given(tier_specs(3, 3))
def test_no_split_beats_the_plan_of_the_default_method(spec):
    best, _ = best_by_force(build(spec), MIDDLE)
    ours, bound = solved(spec, "auto", 0.2)
    assert bound <= best * (1 + 1e-6)
    assert ours <= best * (1 + GAP)


MORE = st.sampled_from([1.05, 1.3, 2.0, 5.0])
"""Times the HBM."""


@examples(6)
@given(tier_specs(1, 1), MORE)
def test_more_hbm_never_makes_the_best_plan_slower(spec, times):
    """Of single tables, whose plans are proven to be the best; nor does less make it faster."""
    less, bound_of_less = solved(spec, "auto")
    more, bound_of_more = solved(with_hbm(spec, times), "auto")
    assert less <= bound_of_less * (1 + GAP)
    assert more <= bound_of_more * (1 + GAP)
    assert more <= less * (1 + GAP)


@pytest.mark.slow
@examples(4)
@given(tier_specs(2, 5), MORE)
def test_more_hbm_never_makes_a_plan_slower_that_starts_from_that_for_less(spec, times):
    """What fits into less fits into more, for the same seconds, however short the search.

    So no bound for more is above what less has reached.
    """
    limits = Settings(gap=GAP / 2, time_limit_seconds=1e6, effort=LITTLE)
    try:
        plan = make_plan(build(spec), limits, Reporter())
    except NoPlanFound:
        plan = None
    assume(plan is not None)
    larger = build(with_hbm(spec, times))
    start = Study.of(plan, "plan.json").ledger.decisions
    begun = make_plan(larger, limits, Reporter(), start)
    assert verify(begun, larger) == ()
    less = plan.prediction.step_seconds
    assert begun.prediction.step_seconds <= less * (1 + GAP)
    assert begun.optimality.lower_bound_seconds <= less * (1 + 1e-6)
