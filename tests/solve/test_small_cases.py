"""Whole specs with few tables, all sharding types and little memory, against brute force."""

from __future__ import annotations

from collections import Counter

import pytest
from brute_force import objective_by_hand, solve_by_force
from effort import examples
from hypothesis import given, settings
from random_specs import build, specs

from shardplan.errors import Infeasible
from shardplan.planning.formulate import formulate
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.settings import Settings

UNLIMITED = 1e6


def check_optimum(spec: dict, method: str, effort: float = 1.0) -> list[ShardingType]:
    """The method solves the spec to optimality; returns the sharding types of its plan."""
    try:
        formulation = formulate(build(spec))
    except Infeasible:
        return []  # one table alone is too large: tests/test_infeasible.py
    problem = formulation.problem
    outcome = solve(problem, Settings(method, gap=0.0, time_limit_seconds=UNLIMITED, effort=effort))
    if outcome.placement is None:
        assert outcome.is_infeasible
        assert solve_by_force(problem) is None
        return []
    assert objective_by_hand(problem, outcome.placement) == pytest.approx(outcome.objective)
    assert outcome.lower_bound == pytest.approx(outcome.objective, rel=1e-6)
    assert solve_by_force(problem, below=outcome.objective * (1 - 1e-6)) is None
    return [decision.sharding for decision in formulation.decisions(outcome.placement)]


def test_the_integer_program_finds_the_best_plan():
    """Over specs of up to four tables; together their plans use all sharding types of TorchRec."""
    used: Counter[ShardingType] = Counter()

    @given(specs())
    @settings(max_examples=100)
    def check(spec):
        used.update(check_optimum(spec, "milp", effort=0.02))

    check()
    assert set(used) == {kind for kind in SHARDING_TYPES if kind.is_torchrecs}


@pytest.mark.slow
@given(specs(most_tables=3))
@examples(25)
def test_the_portfolio_finds_the_best_plan(spec):
    check_optimum(spec, "auto", effort=0.03)
