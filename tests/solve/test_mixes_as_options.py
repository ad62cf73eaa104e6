"""Mixes as options: a search around a placement that mixes sees what the placement costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from test_mixing import cached_problems

from shardplan.solve.mixing.best_mix import Spare, best_mix
from shardplan.solve.mixing.mixes_as_options import MixesAsOptions
from shardplan.solve.problem.placement import Placement, evaluate


@st.composite
def mixed_placements(draw):
    """A problem with caches, and a placement whose caches are as large as is best."""
    problem = draw(cached_problems())
    option = [draw(st.sampled_from(list(problem.options_of(i)))) for i in range(problem.item_count)]
    targets = [
        np.array([draw(st.integers(0, 1))] if problem.shape[o] == 0 else [], dtype=np.int64)
        for o in option
    ]
    mixed = best_mix(problem, Placement.of(np.array(option), targets))
    assume(mixed.weights is not None)
    return problem, mixed


@given(mixed_placements())
def test_a_mix_as_an_option_costs_what_the_mix_costs(drawn):
    problem, mixed = drawn
    around = MixesAsOptions.of(problem, mixed)
    as_options, as_mix = evaluate(around.problem, around.start), evaluate(problem, mixed)
    assert as_options.objective == pytest.approx(as_mix.objective)
    assert as_options.device_bytes == pytest.approx(as_mix.device_bytes)
    assert as_options.node_bytes == pytest.approx(as_mix.node_bytes)
    assert around.placement(around.start).weights == pytest.approx(mixed.weights)


@given(mixed_placements(), st.randoms(use_true_random=False))
def test_an_option_taken_instead_of_a_mix_is_taken_whole(drawn, random):
    problem, mixed = drawn
    around = MixesAsOptions.of(problem, mixed)
    item = random.randrange(problem.item_count)
    other = random.choice(list(problem.options_of(item)))
    # Items before it have one option more each: their mixes.
    option = around.start.option.copy()
    option[item] = other + item
    found = Placement(option, around.start.unit_offsets, around.start.targets)
    there = evaluate(around.problem, found)
    back = evaluate(problem, around.placement(found))
    assert back.objective == pytest.approx(there.objective)
    assert back.device_bytes == pytest.approx(there.device_bytes)


@given(mixed_placements())
def test_bytes_are_spared_only_where_the_step_does_not_wait_for_them(drawn):
    problem, mixed = drawn
    spared = evaluate(problem, best_mix(problem, mixed, Spare.BYTES))
    best = evaluate(problem, mixed)
    assert spared.fits
    assert spared.objective == pytest.approx(best.objective, rel=1e-5)
    assert spared.device_bytes.sum() <= best.device_bytes.sum() * (1 + 1e-6) + 1e-9
