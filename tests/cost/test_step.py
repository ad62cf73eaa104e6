"""How phases combine into a step: the solver's stages and the prediction are one rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.cost.phase import Phase
from shardplan.cost.step import Step
from shardplan.workload.pipeline.cover import Cover

SECONDS = st.floats(0, 1e3)


@st.composite
def steps(draw):
    """A step of a few phases, and what each of three devices spends in them beside constants."""
    covers = draw(st.lists(st.sampled_from([None, *Cover]), min_size=1, max_size=5))
    names = ("lookup_forward", "gradient_comm", "update_backward", "p3", "p4")
    phases = tuple(
        Phase(name, hides_behind=cover, constant_seconds=draw(SECONDS))
        for name, cover in zip(names, covers, strict=False)
    )
    parts = (Cover.DENSE_BACKWARD, Cover.DENSE_OPTIMIZER)
    shares = dict(zip(parts, draw(st.tuples(st.floats(0, 0.5), st.floats(0, 0.5))), strict=True))
    step = Step(phases, draw(SECONDS), draw(st.booleans()), shares)
    spent = draw(st.lists(SECONDS, min_size=3 * len(phases), max_size=3 * len(phases)))
    return step, np.array(spent).reshape(3, -1)


def objective(stages, spent):
    """As a solver has it: the longest chain of stages, each as long as its slowest device."""
    slowest = (spent @ stages.of_phase).max(axis=0)
    return (stages.chain_seconds + slowest @ stages.in_chain).max()


@given(steps())
def test_the_stages_objective_is_the_steps_time(drawn):
    step, spent = drawn
    assert objective(step.stages, spent) == pytest.approx(
        step.seconds(spent + step.constant_seconds), rel=1e-12
    )


@given(steps())
def test_the_balance_stages_objective_is_the_balance(drawn):
    step, spent = drawn
    assert objective(step.balance_stages, spent) == pytest.approx(
        step.balance_seconds(spent + step.constant_seconds), rel=1e-12
    )


@given(steps())
def test_a_step_takes_as_long_as_the_phases_that_it_waits_for(drawn):
    step, spent = drawn
    spent = spent + step.constant_seconds
    waited = spent.max(axis=0)[step.waits_for(spent)].sum()
    dense = step.dense_seconds * step.dense_share(spent)
    assert step.seconds(spent) == pytest.approx(waited + dense, rel=1e-12)


def test_sums_beside_the_backward_pass_begin_when_all_before_it_is_done():
    """3 s before the pass, of which 1 is dense; then 2 s of it, beside 1 or 4 s of sums."""
    phases = (
        Phase("lookup_forward"),
        Phase("gradient_comm"),
        Phase("update_backward", constant_seconds=0.5),
        Phase("all_reduce", hides_behind=Cover.BACKWARD, constant_seconds=0.5),
    )
    step = Step(phases, 1.0, is_pipelined=True)
    for sums, seconds, waited in [(1.0, 5.0, [1, 1, 1, 0]), (4.0, 7.0, [1, 0, 0, 1])]:
        spent = np.array([[2.0, 0.5, 1.5, sums], [1.0, 0.5, 1.0, sums]])
        assert step.seconds(spent) == seconds
        assert step.waits_for(spent).tolist() == waited
        assert not step.is_dense_hidden(spent)
        assert objective(step.stages, spent - step.constant_seconds) == seconds


def test_nothing_hides_without_a_pipeline():
    phases = (Phase("ids", hides_behind=Cover.BATCH_BEFORE), Phase("lookup"))
    spent = np.array([[3.0, 1.0], [2.0, 0.5]])
    assert Step(phases, 1.0, is_pipelined=False).seconds(spent) == 5.0
    assert Step(phases, 1.0, is_pipelined=True).seconds(spent) == 3.0
    assert Step(phases, 1.0, is_pipelined=True).is_dense_hidden(spent)


def test_what_never_needs_a_pipeline_hides_without_one_too():
    phases = (
        Phase("ids", hides_behind=Cover.BATCH_BEFORE),
        Phase("ingest", hides_behind=Cover.DATA_LOADING),
        Phase("lookup"),
    )
    spent = np.array([[3.0, 6.0, 1.0], [2.0, 4.0, 0.5]])
    for is_pipelined, step, chains in [(False, 6.0, 2), (True, 6.0, 3)]:
        made = Step(phases, 1.0, is_pipelined=is_pipelined)
        assert made.seconds(spent) == step
        assert made.waits_for(spent).tolist() == [False, True, False]
        assert len(made.stages.chain_seconds) == chains
    assert Step(phases, 5.0, is_pipelined=False).seconds(spent) == 9.0
