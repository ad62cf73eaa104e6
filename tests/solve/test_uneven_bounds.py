"""Bounds where row blocks are not alike, against all placements by what devices really bear."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from brute_force import solve_by_force, ways_of
from problems import problem_of

from shardplan.solve.bound.large_units import large_units
from shardplan.solve.bound.option_choice import choose_options
from shardplan.solve.bound.relaxation import relax
from shardplan.solve.problem.problem import Shape
from shardplan.solve.program.answer import Limits, Watch

PROBLEMS = 300


def draw(seed):
    """A problem of up to 3 items, and (O, D, S) what a unit of each option puts on the first, the
    second, ... of the devices that it lands on: most on the first."""
    rng = np.random.default_rng(seed)
    nodes, each = ((1, 2), (2, 1), (2, 2), (1, 3))[rng.integers(4)]
    devices, counts = nodes * each, rng.integers(1, 3, size=rng.integers(1, 4))
    options, stages = int(counts.sum()), int(rng.integers(1, 4))
    shape = rng.choice([Shape.DEVICE, Shape.NODE, Shape.ALL], size=options, p=[0.3, 0.35, 0.35])
    width = np.array([1, each, devices])[shape]
    units = np.where(shape == Shape.ALL, 1, rng.integers(1, 3, size=options))
    load = rng.integers(0, 9, size=(options, stages)).astype(float)
    share = np.sort(rng.choice([0.0, 0.25, 0.5, 1.0], size=(options, devices)), axis=1)[:, ::-1]
    share[:, 0] = 1.0
    share[np.arange(devices) >= width[:, None]] = 0.0
    blocks = share[:, :, None] * load[:, None]
    problem = problem_of(
        load,
        options_per_item=counts,
        shape=shape,
        units=units,
        devices=devices,
        nodes=nodes,
        chain_of_stage=rng.integers(0, 2, size=stages).tolist(),
        chain_seconds=rng.integers(0, 4, size=2),
        mean_seconds=blocks.sum(axis=1) / width[:, None],
    )
    return problem, blocks


def turned(seed):
    """The same, but of all-device options any device may bear most, or each stage another one."""
    problem, blocks = draw(seed)
    rng = np.random.default_rng([seed, 1])
    fullest = rng.integers(-1, problem.device_count, size=problem.option_count)
    fullest[problem.shape != Shape.ALL] = 0
    for option, place in enumerate(fullest.tolist()):
        for stage in range(problem.stage_count):
            by = place if place >= 0 else stage
            blocks[option, :, stage] = np.roll(blocks[option, :, stage], by)
    return replace(problem, fullest=fullest), blocks


def least_seconds(problem, blocks):
    """Of all placements."""
    least, each = float("inf"), problem.device_count // problem.node_count
    for ways in product(*(ways_of(problem, item) for item in range(problem.item_count))):
        load = np.zeros((problem.device_count, problem.stage_count))
        for option, targets in ways:
            width = {Shape.DEVICE: 1, Shape.NODE: each}.get(problem.shape[option], len(load))
            for target in targets or (0,):
                load[target * width : (target + 1) * width] += blocks[option, :width]
        chains = problem.objective.chain_seconds + load.max(axis=0) @ problem.objective.in_chain
        least = min(least, float(chains.max()))
    return least


@pytest.fixture(scope="module")
def drawn():
    """Problems, and what the best placement really takes."""
    problems = [draw(seed) for seed in range(PROBLEMS)]
    return [(problem, least_seconds(problem, blocks)) for problem, blocks in problems]


def too_high(bounds):
    return [(bound, least) for bound, least in bounds if bound > least * (1 + 1e-9)]


def test_no_placement_is_below_the_relaxation(drawn):
    bounds = [(relax(problem).lower_bound, least) for problem, least in drawn]
    assert too_high(bounds) == []
    assert sum(bound > 0.9 * least > 0 for bound, least in bounds) > PROBLEMS / 3


def test_nor_where_other_devices_than_the_first_bear_most():
    bounds = []
    for seed in range(PROBLEMS):
        problem, blocks = turned(seed)
        bounds.append((relax(problem).lower_bound, least_seconds(problem, blocks)))
    assert too_high(bounds) == []
    assert sum(bound > 0.9 * least > 0 for bound, least in bounds) > PROBLEMS / 4


def test_no_placement_is_below_the_choice_of_whole_options_and_what_large_units_waste(drawn):
    bounds = []
    for problem, least in drawn[::3]:
        everything, charged = np.ones(problem.option_count, bool), solve_by_force(problem).objective
        rows = relax(problem).unit_rows
        found = choose_options(
            problem,
            everything,
            rows,
            Limits(),
            stop_above=float("inf"),
            watch=Watch(),
            large=large_units(problem, everything, rows, charged * 1.001 + 1e-9),
        )
        # Of placements better than the charged objective alone, which the best one may not be.
        if least < charged:
            bounds.append((found.lower_bound, least))
    assert too_high(bounds) == []
