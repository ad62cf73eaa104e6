"""What is made of a problem: parts of it, and forms that other methods want."""

from __future__ import annotations

import numpy as np
from problems import placed, problem_of

from shardplan.solve.problem.placement import Placement
from shardplan.solve.problem.variants import take, without


def test_of_some_options_the_items_without_any_go_and_the_others_keep_their_rules():
    problem = problem_of(
        [1.0, 2.0, 3.0, 4.0],
        options_per_item=[2, 1, 1],
        apart=(np.array([0, 2]), np.array([1, 2])),
        blend=np.array([7, 7, 3, 9]),
    )
    part = take(problem, np.array([True, False, False, True]))
    assert part.option_offsets.tolist() == [0, 1, 2]
    assert part.load_seconds.tolist() == [[1.0], [4.0]]
    assert [group.tolist() for group in part.apart] == [[0, 1], [1]]
    assert part.blend.tolist() == [0, 1]


def test_options_and_their_numbers_take_the_same_part():
    problem = problem_of([1.0, 2.0, 3.0], options_per_item=[2, 1])
    by_mask, by_number = (
        take(problem, np.array([False, True, True])),
        take(problem, np.array([1, 2])),
    )
    assert by_mask.load_seconds.tolist() == by_number.load_seconds.tolist() == [[2.0], [3.0]]


def test_items_that_are_left_out_stay_and_weigh_nothing():
    problem = problem_of([1.0, 2.0, 3.0], options_per_item=[2, 1], device_bytes=[4.0, 5.0, 6.0])
    rest = without(problem, np.array([True, False]))
    assert rest.load_seconds.tolist() == [[0.0], [0.0], [3.0]]
    assert rest.device_bytes.tolist() == [[0.0], [0.0], [6.0]]


def test_nothing_spills_unless_it_is_said():
    assert not problem_of([1.0]).has_spill
    assert problem_of([1.0], spill_seconds=0.5).has_spill


def test_placements_are_equal_where_options_places_and_weights_are():
    one = placed([(0, (1,)), (1, ())])
    assert one == placed([(0, (1,)), (1, ())])
    assert one != placed([(0, (0,)), (1, ())])
    assert one != placed([(0, ()), (1, (1,))])
    mixed = Placement(one.option, one.unit_offsets, one.targets, np.array([0.5, 0.5]))
    assert mixed == Placement(one.option, one.unit_offsets, one.targets, np.array([0.5, 0.5]))
    assert one != mixed
    assert mixed.unmixed == one
    assert one != "a placement"
