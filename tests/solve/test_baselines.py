"""The baselines against the published plans, and against exact partitions of a few tables."""

import csv
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.errors import NoPlanFound
from shardplan.solve.baselines.differencing import difference
from shardplan.solve.baselines.published import (
    GreedyCost,
    greedy_costs,
    place_by_differencing,
    place_greedily,
)

DATA = Path(__file__).parents[2].parent / "shared" / "data"

GIB, FP32_BYTES = 2**30, 4

numbers = st.lists(st.integers(0, 50), min_size=1, max_size=7)


@pytest.mark.skipif(not DATA.is_dir(), reason="needs shared/data beside the project")
@pytest.mark.parametrize("kind", GreedyCost)
def test_greedy_plans_are_the_published_ones(kind):
    """50 tasks on 4, 8 and 16 devices: the same tables on each device, in the same order."""
    with (DATA / "dlrm856_tables.csv").open() as file:
        tables = list(csv.DictReader(file))
    rows = np.array([int(table["row"]) for table in tables])
    poolings = np.array([float(table["pooling_factor"]) for table in tables])
    tasks = json.loads((DATA / "neuroshard_tasks_maxdim128.json").read_text())["tasks"]
    for task in tasks:
        ids = task["table_ids"]
        for devices in (4, 8, 16):
            sizes = rows[ids] * np.array(task["dims"], dtype=np.float64) * FP32_BYTES
            costs = greedy_costs(kind, rows[ids], task["dims"], poolings[ids], sizes)
            device_of = place_greedily(costs, sizes, np.full(devices, 8 * GIB))
            largest_first = np.lexsort((np.arange(len(ids)), sizes, costs))[::-1]
            placed = [largest_first[device_of[largest_first] == d].tolist() for d in range(devices)]
            assert placed == task["golden"][f"{devices}dev_8GiB"][kind]


def test_greedy_breaks_ties_by_size_sum_then_the_first_device():
    """Costs 2, 2, 1, 1: the ones meet equal cost sums, and the second device holds less."""
    assert place_greedily([2, 2, 1, 1], [5, 4, 1, 1], [9, 9]).tolist() == [0, 1, 0, 1]


def test_greedy_passes_over_a_full_device():
    assert place_greedily([3, 2, 1], [6, 6, 4], [10, 12]).tolist() == [0, 1, 1]


@pytest.mark.parametrize("place", [place_greedily, place_by_differencing])
def test_a_table_that_fits_nowhere_is_no_plan(place):
    with pytest.raises(NoPlanFound, match="table 1"):
        place([1, 2], [1, 9], [8, 8])


@given(numbers, st.integers(1, 5))
def test_differencing_places_each_number_once(values, k):
    groups = difference(np.array(values, dtype=float), k)
    assert len(groups) == k
    assert sorted(index for group in groups for index in group) == list(range(len(values)))


@given(st.lists(st.integers(1, 50), min_size=1, max_size=7), st.integers(2, 3))
def test_differencing_is_within_its_proven_factor_of_the_optimum(values, k):
    """4/3 - 1/(3k) for k sets (Michiels, Aarts, Korst, van Leeuwen and Spieksma, 2007)."""
    cost = np.array(values, dtype=float)
    best = min(
        np.bincount(devices, cost, minlength=k).max()
        for devices in product(range(k), repeat=len(values))
    )
    reached = max(cost[group].sum() for group in difference(cost, k))
    assert best <= reached <= (4 / 3 - 1 / (3 * k)) * best + 1e-9


def test_differencing_of_the_textbook_example():
    """8, 7, 6, 5, 4 into two sets differ by 2 (Karmarkar and Karp's method; greedy leaves 4)."""
    values = np.array([8.0, 7, 6, 5, 4])
    assert sorted(values[group].sum() for group in difference(values, 2)) == [14, 16]
    greedy = np.bincount(place_greedily(values, values, [99, 99]), values)
    assert sorted(greedy) == [13, 17]


@given(numbers, st.integers(1, 4), st.data())
def test_placements_keep_to_the_capacities(sizes, devices, data):
    costs = data.draw(st.lists(st.integers(0, 9), min_size=len(sizes), max_size=len(sizes)))
    capacities = data.draw(st.lists(st.integers(20, 120), min_size=devices, max_size=devices))
    for place in (place_greedily, place_by_differencing):
        try:
            device_of = place(costs, sizes, capacities)
        except NoPlanFound:
            continue
        assert (np.bincount(device_of, sizes, minlength=devices) <= capacities).all()
