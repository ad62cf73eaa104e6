"""Tiny cases that follow old plans, and all placements that they have."""

from __future__ import annotations

import copy
from itertools import combinations_with_replacement, product

import numpy as np

from shardplan.build_case import case_of_value
from shardplan.errors import Infeasible, NoPlanFound
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.solve.problem.placement import Placement
from shardplan.solve.problem.problem import Shape
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

QUICK = Settings(gap=1e-4, time_limit_seconds=1e6, node_limit=200, effort=0.02)
_MOST_PLACEMENTS = 600


def grown(spec, factor):
    """The spec with every second table larger."""
    after = copy.deepcopy(spec)
    for table in after["tables"][::2]:
        table["rows"] = int(table["rows"] * factor)
    return after


def old_and_new(spec, factor):
    """The old case and plan, and the case of today."""
    then, now = case_of_value(spec, "old"), case_of_value(grown(spec, factor), "new")
    try:
        formulate(now)
        return then, make_plan(then, Settings(method="greedy"), Reporter()), now
    except (Infeasible, NoPlanFound):
        return None


def every_placement(problem):
    """All placements; None where there are too many to go through."""
    ways = []
    for item in range(problem.item_count):
        own = []
        for option in problem.options_of(item):
            shape = problem.shape[option]
            places = {Shape.DEVICE: problem.device_count, Shape.NODE: problem.node_count}
            count = 0 if shape == Shape.ALL else int(problem.units[option])
            targets = combinations_with_replacement(range(places.get(shape, 1)), count)
            own += [(option, np.array(each, dtype=np.int64)) for each in targets]
        ways.append(own)
    if np.prod([float(len(own)) for own in ways]) > _MOST_PLACEMENTS:
        return None
    return [
        Placement.of(np.array([o for o, _ in way]), [t for _, t in way]) for way in product(*ways)
    ]
