"""What devices cannot keep, held against every placement and every content, tried one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from brute_force import solve_by_force
from effort import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from problems import problem_of
from random_problems import charged_problems

from shardplan.solve.bound.classes.item_classes import ItemClasses
from shardplan.solve.bound.device_contents import Units, valuable_contents
from shardplan.solve.bound.relaxation import relax
from shardplan.solve.bound.stage_limits import (
    StageLimitParams,
    StageLimitProof,
    bound_by_stage_limits,
)
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.answer import Limits, Watch


def prove(problem: Problem, upper_bound: float, **params: int) -> StageLimitProof:
    return bound_by_stage_limits(
        problem,
        np.ones(problem.option_count, dtype=bool),
        upper_bound=upper_bound,
        limits=Limits(),
        watch=Watch(),
        params=StageLimitParams(**params),
    )


@given(charged_problems(), st.sampled_from([1.0, 1.02, 1.3, 3.0]), st.sampled_from([300, 300_000]))
@examples(30)
def test_no_placement_is_below_the_bound(problem, above, states):
    """Whatever placement is known, however few patterns are weighed, whatever is charged for."""
    best = solve_by_force(problem)
    assume(best is not None and best.objective > 0)
    found = prove(problem, best.objective * above, states=states, states_of_choice=states)
    assert found.lower_bound <= best.objective * (1 + 1e-6)
    for choice in found.choices:
        assert np.array_equal(problem.item_of_option[choice], np.arange(problem.item_count))


def test_of_seven_equal_units_one_of_two_devices_holds_four():
    problem = problem_of(np.ones((7, 1)))
    assert relax(problem).lower_bound == pytest.approx(3.5)
    assert prove(problem, 5.0).lower_bound == pytest.approx(4.0, rel=3e-3)


def test_the_device_that_is_last_in_one_stage_is_not_last_in_the_other():
    """Two units of 3 and 1 seconds and three of 1 and 3, on two devices: whatever is together, no
    two devices share both stages evenly, though their means would."""
    load = [[3.0, 1.0], [3.0, 1.0], [1.0, 3.0], [1.0, 3.0], [1.0, 3.0]]
    problem = problem_of(load)
    best = solve_by_force(problem)
    assert best is not None
    assert best.objective == pytest.approx(5.0 + 7.0)
    assert relax(problem).lower_bound == pytest.approx(4.5 + 5.5)
    assert prove(problem, 13.0).lower_bound == pytest.approx(best.objective, rel=1e-2)


def test_a_few_split_items_fill_what_whole_ones_leave():
    """Of 5 units on 4 devices one device has 2, unless one is split in 4 at a little more each."""
    problem = problem_of(
        [1.0, 0.3] * 5, options_per_item=2, units=[1, 4] * 5, devices=4, device_capacity=9.0
    )
    found = prove(problem, 2.0)
    assert found.lower_bound == pytest.approx(1.3, rel=1e-2)
    assert sorted(problem.units[found.choices[0]].tolist()) == [1, 1, 1, 1, 4]


@given(st.data())
@examples(60)
def test_the_most_valuable_content_is_found_or_bounded(data):
    """Against all contents of one device, with few beginnings and with all of them."""
    count = data.draw(st.integers(1, 4))

    def drawn(values: list[float], *shape: int) -> np.ndarray:
        size = int(np.prod(shape))
        flat = data.draw(st.lists(st.sampled_from(values), min_size=size, max_size=size))
        return np.reshape(flat, shape)

    class_of = np.sort(drawn([0, 1], count)).astype(np.int64)
    class_of -= class_of[0]
    per_item = drawn([1, 2], count).astype(np.int64)
    items = drawn([1, 2, 3], int(class_of.max()) + 1).astype(np.int64)
    needs = drawn([0.2, 0.3, 0.5, 0.7], count, 2)
    alone = np.floor(1 / needs.max(axis=1) + 1e-9).astype(np.int64)
    units = Units(needs, np.minimum(alone, per_item * items[class_of]), per_item, class_of, items)
    values = drawn([0.0, 1.0, 2.0, 3.0], count)

    def is_possible(content: np.ndarray) -> bool:
        taken = np.bincount(class_of, -(-content // per_item), minlength=len(items))
        return bool((content @ needs <= 1 + 1e-9).all() and (taken <= items).all())

    ways = [np.array(way) for way in product(*(range(most + 1) for most in units.most.tolist()))]
    best = max(float(way @ values) for way in ways if is_possible(way))
    for above, states in product((0.0, best - 0.5, best + 0.5), (1, 10_000)):
        found = valuable_contents(units, values, above, states, 3)
        assert max(found.most, above) >= best - 1e-9
        assert all(is_possible(each) and each @ values > above for each in found.counts)
        if states > 1 and above < best:
            assert found.most == pytest.approx(best)
            assert found.counts[0] @ values == pytest.approx(best)


def test_equal_items_are_one_class_and_share_what_any_of_them_may_take():
    problem = problem_of(
        [1.0, 2.0, 1.0, 2.0, 1.0, 3.0],
        options_per_item=2,
        shape=[Shape.DEVICE, Shape.ALL] * 3,
    )
    classes = ItemClasses.of(problem, np.array([True, False, False, True, True, True]))
    assert classes.count.tolist() == [2, 1]
    assert classes.options.tolist() == [0, 1, 4, 5]
    choice = classes.choice(problem, np.array([0.5, 0.5, 0.0, 1.0]))
    assert choice.tolist() == [0, 3, 5]
