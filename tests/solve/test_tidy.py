"""Of placements that are as good, the one nearer to the devices and with less of everything."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from problems import problem_of

from shardplan.solve.problem.legality import is_legal
from shardplan.solve.problem.placement import Placement, evaluate
from shardplan.solve.problem.problem import Shape
from shardplan.solve.search.desk import Traits
from shardplan.solve.search.tidy import tidied

DEVICE, ALL = Shape.DEVICE, Shape.ALL


def traits_of(problem, kernels=1, sharding=0, shards=1):
    options = problem.option_count
    return Traits(*(np.broadcast_to(each, options).astype(np.int64) for each in (
        kernels, sharding, shards,
    )))  # fmt: skip


def place(*items):
    """(option, targets) of each item."""
    return Placement.of(
        np.array([option for option, _ in items]),
        [np.array(targets, dtype=np.int64) for _, targets in items],
    )


def two_tiers(hbm, **more):
    """Two items that are a second long in HBM, two in DDR, and one that decides the objective."""
    return problem_of(
        [1.0, 2.0, 1.0, 2.0, 9.0],
        options_per_item=[2, 2, 1],
        device_bytes=[0.4, 0.0, 0.6, 0.0, 0.0],
        node_bytes=[0.0, 0.4, 0.0, 0.6, 0.0],
        device_capacity=hbm,
        **more,
    )


def test_what_fits_is_in_the_nearer_tier():
    problem = two_tiers(hbm=1.0)
    found = tidied(problem, place((1, [0]), (3, [0]), (4, [1])), traits_of(problem))
    assert found == place((0, [0]), (2, [0]), (4, [1]))


def test_the_smaller_one_comes_first_where_not_all_fit():
    """Nothing may move to the other device: it would then be the slowest."""
    problem = two_tiers(hbm=0.7)
    found = tidied(problem, place((1, [0]), (3, [0]), (4, [1])), traits_of(problem))
    assert found == place((0, [0]), (3, [0]), (4, [1]))


def test_another_device_is_taken_where_there_is_room_on_it_alone():
    problem = two_tiers(hbm=0.7, devices=3)
    found = tidied(problem, place((1, [0]), (3, [0]), (4, [1])), traits_of(problem))
    assert found == place((0, [0]), (2, [2]), (4, [1]))


def test_no_stage_becomes_longer():
    """In HBM the item would be nearer, but slower than the slowest device is now."""
    problem = problem_of(
        [3.0, 1.0, 2.0],
        options_per_item=[2, 1],
        device_bytes=[0.1, 0.0, 0.0],
        node_bytes=[0.0, 0.1, 0.0],
    )
    start = place((1, [0]), (2, [1]))
    assert tidied(problem, start, traits_of(problem)) == start


def test_a_rare_kernel_is_done_without():
    """The second item is the only one on another kernel, on every device."""
    problem = problem_of(
        [1.0, 1.0, 1.0, 9.0], options_per_item=[1, 2, 1], shape=[DEVICE, ALL, DEVICE, DEVICE]
    )
    traits = traits_of(problem, kernels=[1, 2, 1, 1], sharding=[0, 1, 0, 0], shards=[1, 0, 1, 1])
    found = tidied(problem, place((0, [0]), (1, []), (3, [1])), traits)
    assert found == place((0, [0]), (2, [0]), (3, [1]))


def test_shards_are_joined_where_that_costs_nothing():
    problem = problem_of(
        [1.0, 1.5, 1.0, 9.0, 9.0, 9.0],
        options_per_item=[2, 1, 1, 1, 1],
        units=[2, 1, 2, 1, 1, 1],
        devices=4,
    )
    traits = traits_of(problem, sharding=[1, 0, 1, 0, 0, 0], shards=[2, 1, 2, 1, 1, 1])
    start = place((0, [0, 3]), (2, [0, 3]), (3, [1]), (4, [2]), (5, [3]))
    found = tidied(problem, start, traits)
    assert found.option[0] == 1
    assert evaluate(problem, found).objective <= evaluate(problem, start).objective


def test_what_does_not_fit_is_left_alone():
    problem = two_tiers(hbm=0.1)
    start = place((0, [0]), (2, [0]), (4, [1]))
    assert tidied(problem, start, traits_of(problem)) is start


@given(st.randoms(use_true_random=False))
def test_never_costs_more_and_never_lies_farther(random):
    rng = np.random.default_rng(random.randrange(2**32))
    items, devices = 5, 4
    shape = rng.choice([Shape.DEVICE, Shape.NODE, Shape.ALL], size=3 * items)
    problem = problem_of(
        rng.integers(1, 6, (3 * items, 2)).astype(float),
        options_per_item=3,
        shape=shape,
        device_bytes=rng.integers(0, 3, 3 * items) * 0.2,
        node_bytes=rng.integers(0, 3, 3 * items) * 0.2,
        devices=devices,
        nodes=2,
        device_capacity=2.0,
        node_capacity=4.0,
    )
    traits = Traits(1 << rng.integers(0, 3, 3 * items), shape.astype(int), problem.width)
    option = np.arange(items) * 3 + rng.integers(0, 3, items)
    places = {Shape.DEVICE: devices, Shape.NODE: 2}
    targets = [
        [] if shape[one] == Shape.ALL else [int(rng.integers(places[Shape(shape[one])]))]
        for one in option
    ]
    start = place(*zip(option.tolist(), targets, strict=True))
    before = evaluate(problem, start)
    found = tidied(problem, start, traits)
    after = evaluate(problem, found)
    if not before.fits:
        assert found is start
        return
    assert after.fits
    assert is_legal(problem, found)
    assert after.objective <= before.objective * (1 + 1e-9)
    assert (after.load_seconds.max(axis=0) <= before.load_seconds.max(axis=0) * (1 + 1e-9)).all()
    far = problem.total_node_bytes
    assert far[found.option].sum() <= far[start.option].sum() + 1e-12


class FirstOfTwo:
    """The second of two devices bears nothing of the options given."""

    def __init__(self, problem, *options):
        self.problem, self.options = problem, options

    def of_option(self, option):
        less = np.zeros((2, self.problem.stage_count))
        less[1] = -self.problem.load_seconds[option] * (option in self.options)
        return less

    def of_placement(self, placement):
        return sum(self.of_option(one) for one in placement.option.tolist())


def test_what_is_cut_unevenly_comes_nearer_too():
    """The last item fills the second device to the brim, which the first one does not lie on."""
    problem = problem_of(
        [3.0, 3.0, 2.5],
        options_per_item=[2, 1],
        shape=[ALL, ALL, DEVICE],
        device_bytes=[0.4, 0.0, 0.0],
        node_bytes=[0.0, 0.8, 0.0],
        mean_seconds=np.array([[1.5], [1.5], [2.5]]),
    )
    start = place((1, []), (2, [1]))
    assert tidied(problem, start, traits_of(problem)) == start
    found = tidied(problem, start, traits_of(problem), FirstOfTwo(problem, 0, 1))
    assert found == place((0, []), (2, [1]))
    even_only_far = FirstOfTwo(problem, 1)
    assert tidied(problem, start, traits_of(problem), even_only_far) == start
