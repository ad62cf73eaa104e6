"""Bounds of a case without its search, held against plans and against every choice."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from effort import examples
from hypothesis import given
from hypothesis import strategies as st
from random_specs import build, specs

from shardplan import Settings, load, plan
from shardplan.cost.part import Part
from shardplan.errors import Infeasible, NoPlanFound
from shardplan.size.bounds.cheapest import Cheapest
from shardplan.size.bounds.least_step import least_step
from shardplan.size.bounds.relaxed_step import relaxed_step
from shardplan.size.bounds.step_bound import Proof

QUICK = Settings("greedy", effort=0.01, time_limit_seconds=1e5)
ROUNDING = 1 + 1e-6


@given(specs())
@examples(15)
def test_no_plan_is_below_the_closed_form_nor_below_the_relaxation(spec):
    case = build(spec)
    closed, relaxed = least_step(case), relaxed_step(case)
    try:
        found = plan(case, QUICK)
    except (Infeasible, NoPlanFound):
        return
    assert closed.seconds <= found.prediction.step_seconds * ROUNDING
    assert relaxed.seconds <= found.prediction.step_seconds * ROUNDING


@given(st.integers(0, 10_000))
@examples(30)
def test_prices_of_memory_never_rule_out_a_choice_that_fits(seed):
    """Against every choice of one option for each of four tables."""
    draw = np.random.default_rng(seed)
    cost, memory = draw.random((4, 3)) + 0.1, draw.random((4, 3, 3))
    offered = draw.random(3) * 4
    starts = np.arange(0, 12, 3)
    found = Cheapest.of(cost.reshape(-1), memory.reshape(-1, 3), offered, starts)
    fitting = [
        sum(cost[table, option] for table, option in enumerate(chosen))
        for chosen in product(range(3), repeat=4)
        if (sum(memory[t, o] for t, o in enumerate(chosen)) <= offered).all()
    ]
    assert found.cost <= min(fitting, default=float("inf"))
    if np.isfinite(found.cost):
        assert (found.share @ memory.reshape(-1, 3) <= offered * ROUNDING).all()
        assert found.share @ cost.reshape(-1) == pytest.approx(found.cost, rel=1e-6)


def spec(nodes=2, tables=8, hbm=None, **more):
    value = {
        "batch": {"global": 16_384},
        "topology": {"name": "dgx-h100", "nodes": nodes},
        "training": {"optimizer": "rowwise_adagrad", "dense": {"forward_ms": 1, "backward_ms": 2}},
        "tables": [
            {"name": f"t{n}", "rows": 1_000_000 * (n + 1), "dim": 128, "pooling": 4}
            for n in range(tables)
        ],
    }
    return value | more


def test_what_the_bound_is_made_of_adds_up_to_it():
    for bound in (least_step(load(spec())), relaxed_step(load(spec()))):
        assert sum(bound.phases.values()) == pytest.approx(bound.seconds)
        assert sum(bound.parts.values()) == pytest.approx(bound.seconds)
        assert bound.parts[Part.DENSE] == pytest.approx(3e-3)
        for part, least in bound.least_parts.items():
            assert least <= bound.parts[part] * (1 + 1e-3)


def test_a_part_that_alone_takes_longer_than_a_target_is_named():
    bound = least_step(load(spec()))
    assert bound.excludes(2e-3)
    assert bound.excluding_parts(2e-3) == (Part.DENSE,)
    assert bound.excluding_parts(bound.seconds) == ()
    assert not bound.excludes(bound.seconds)


def test_tables_that_fit_nowhere_are_no_matter_of_time():
    huge = [{"name": f"t{n}", "rows": 10**10, "dim": 128, "pooling": 4} for n in range(8)]
    only = [{"tables": "*", "kernels": ["fused", "dense"]}]
    bound = least_step(load(spec(tables=0) | {"tables": huge, "constraints": only}))
    assert bound.proof is Proof.MEMORY
    assert bound.excludes(1e9)


def test_a_dense_part_that_fills_hbm_is_said():
    full = {"dense": {"forward_ms": 1, "backward_ms": 2, "memory": "79GiB"}}
    bound = least_step(load(spec(training=full)))
    assert bound.proof is Proof.MEMORY
    assert [each.resource for each in bound.shortfalls] == ["hbm of one device"]
