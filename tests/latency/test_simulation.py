"""Discrete events against recursions, closed forms and what can be counted by hand."""

from __future__ import annotations

import heapq

import numpy as np
import pytest

from shardplan.errors import InputError
from shardplan.simulation.arrivals import Arrivals
from shardplan.simulation.events import run
from shardplan.simulation.percentile import percentile, steady_latency
from shardplan.simulation.system import System
from shardplan.workload.serving.query_sizes import QuerySizes

PER_CANDIDATE = (((0.0, 0.0, 0.005),),)
"""Seconds, so that 200 candidates take one."""
_SIZES = np.arange(1, 4001)
EXPONENTIAL = QuerySizes(_SIZES, np.exp(-_SIZES / 200) / np.exp(-_SIZES / 200).sum())
CONSTANT = QuerySizes.constant(200)


def came(*queries: tuple[float, int]) -> Arrivals:
    seconds, candidates = zip(*queries, strict=True)
    return Arrivals(np.array(seconds), np.array(candidates))


@pytest.mark.parametrize("workers", [1, 3])
def test_each_query_ends_when_the_recursion_of_kiefer_and_wolfowitz_says(workers: int) -> None:
    arrivals = Arrivals.drawn(0.9 * workers, 1.0, EXPONENTIAL, 5000, 1)
    free, ends = [0.0] * workers, []
    for seconds, size in zip(arrivals.seconds, arrivals.candidates, strict=True):
        ends.append(max(seconds, free[0]) + 0.005 * size)
        heapq.heapreplace(free, ends[-1])
    done = run(System(1, workers, PER_CANDIDATE), arrivals, 0)
    np.testing.assert_allclose(done.finished_seconds, ends)


def test_no_work_is_lost_and_little_holds() -> None:
    """Queries in the system, seen at any time, are arrivals per second times mean latency."""
    arrivals = Arrivals.drawn(1.5, 1.0, EXPONENTIAL, 40_000, 2)
    done = run(System(1, 2, PER_CANDIDATE), arrivals, 0)
    assert done.busy_seconds == pytest.approx(0.005 * arrivals.candidates.sum())
    ends = np.sort(done.finished_seconds)
    seen = np.linspace(0, arrivals.seconds[-1], 50_000)
    inside = np.searchsorted(arrivals.seconds, seen) - np.searchsorted(ends, seen)
    assert inside.mean() == pytest.approx(
        arrivals.per_second * done.latency_seconds.mean(), rel=0.02
    )


@pytest.mark.parametrize(
    ("sizes", "workers", "rate", "mean"),
    [
        (EXPONENTIAL, 1, 0.5, 1 / (1 - 0.5)),  # M/M/1
        (EXPONENTIAL, 2, 1.2, 1 / (1 - 0.6**2)),  # M/M/2
        (CONSTANT, 1, 0.6, 1 + 0.6 / (2 * 0.4)),  # M/D/1
    ],
)
def test_mean_latency_is_that_of_the_textbook(
    sizes: QuerySizes, workers: int, rate: float, mean: float
) -> None:
    arrivals = Arrivals.drawn(rate, 1.0, sizes, 100_000, 3)
    found = steady_latency(run(System(1, workers, PER_CANDIDATE), arrivals, 0))
    assert found.mean() == pytest.approx(mean, rel=0.03)


def test_a_free_worker_takes_all_that_waits_up_to_a_limit() -> None:
    system = System(1, 1, (((10.0, 0.0, 0.0),),), max_samples=3)
    done = run(system, came((0, 1), (1, 1), (2, 2), (3, 1), (4, 5)), 0)
    assert done.finished_seconds.tolist() == [10, 20, 20, 30, 40]  # the last is larger than any
    assert (done.batches, done.batched_queries) == (4, 5)


def test_a_worker_waits_for_a_batch_to_fill() -> None:
    system = System(1, 1, (((10.0, 0.0, 0.0),),), max_samples=2, max_delay_seconds=3.0)
    alone = run(system, came((0, 1), (5, 1)), 0)
    assert alone.finished_seconds.tolist() == [13, 23]  # the second waited longer than that
    full = run(system, came((0, 1), (1, 1)), 0)
    assert full.finished_seconds.tolist() == [11, 11]


def test_a_query_ends_with_its_slowest_part() -> None:
    lanes = (((1.0, 0.0, 0.1), (2.0, 0.0, 0.0)), ((0.5, 0.25, 0.0),))
    system = System(1, 2, lanes, split=20)
    assert [system.parts_of(size) for size in (20, 45)] == [[20], [20, 20, 5]]
    done = run(system, came((0, 45)), 0)
    assert done.finished_seconds.tolist() == [3.75 + 2.75]  # two side by side, then the rest


def test_one_replica_stands_for_all_that_queries_are_spread_over_at_random() -> None:
    four = run(System(4, 1, PER_CANDIDATE), Arrivals.drawn(2.0, 1.0, EXPONENTIAL, 60_000, 4), 0)
    one = run(System(1, 1, PER_CANDIDATE), Arrivals.drawn(0.5, 1.0, EXPONENTIAL, 60_000, 5), 0)
    both = [percentile(steady_latency(each), 0.95) for each in (four, one)]
    assert abs(both[0].seconds - both[1].seconds) < sum(each.half_width_seconds for each in both)


def test_the_same_seed_gives_the_same_run() -> None:
    arrivals = Arrivals.drawn(1.0, 0.5, CONSTANT, 100, 7)
    system = System(2, 1, PER_CANDIDATE, cv=0.3)
    runs = [run(system, arrivals, seed).finished_seconds for seed in (1, 1, 2)]
    assert (runs[0] == runs[1]).all()
    assert (runs[0] != runs[2]).any()


def test_percentiles_know_how_sure_they_are() -> None:
    drawn = np.random.default_rng(1).exponential(size=(40, 4000))
    found = [percentile(each, 0.9) for each in drawn]
    hits = sum(abs(each.seconds - np.log(10)) < each.half_width_seconds for each in found)
    assert hits >= 34  # of 40, at 95%
    assert percentile(drawn[0, :100], 0.99).half_width_seconds == np.inf


def test_a_trace_is_read_and_can_come_faster(tmp_path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("seconds,candidates\n0,3\n1.5,4\n3,5\n")
    trace = Arrivals.read(str(file)).scaled(3)
    assert (trace.seconds.tolist(), trace.candidates.tolist()) == ([0, 0.5, 1], [3, 4, 5])
    assert trace.per_second == 2


def test_all_faults_of_a_trace_are_told_with_their_lines(tmp_path) -> None:
    file = tmp_path / "trace.csv"
    file.write_text("seconds,candidates\n2,3\n1,4\n3,none\n4\n5,0\n")
    with pytest.raises(InputError) as refused:
        Arrivals.read(str(file))
    assert [each.line for each in refused.value.diagnostics] == [3, 4, 5, 6]
    for text in ("", "time,size\n", "seconds,candidates\n"):
        file.write_text(text)
        with pytest.raises(InputError):
            Arrivals.read(str(file))
