"""Formulas of queues against answers that are known in closed form."""

from __future__ import annotations

import json
from math import exp, factorial, inf, log
from pathlib import Path

import numpy as np
import pytest
from exponential_service import Exponential

from shardplan.latency.batch_queue import BatchQueue
from shardplan.latency.erlang import waiting_share
from shardplan.latency.in_a_row import departures_cv2, in_a_row, surely_within_seconds
from shardplan.latency.neighbours import utilisation_with_slowdown
from shardplan.latency.queue import Queue
from shardplan.latency.rounding import Rounding
from shardplan.latency.service_mix import ServiceMix

RECPIPE = Path(__file__).parents[1] / "data" / "serving" / "recpipe_lightest_load.json"


def constant(seconds: float = 1.0, cv: float = 0.0) -> ServiceMix:
    return ServiceMix(np.array([seconds]), np.ones(1), cv)


@pytest.mark.parametrize(("servers", "utilisation"), [(1, 0.7), (3, 0.5), (40, 0.95)])
def test_those_who_wait_are_as_many_as_erlang_says(servers: int, utilisation: float) -> None:
    offered = servers * utilisation
    states = [offered**k / factorial(k) for k in range(servers)]
    all_busy = offered**servers / factorial(servers) / (1 - utilisation)
    assert waiting_share(offered, servers) == pytest.approx(all_busy / (sum(states) + all_busy))


def test_all_wait_where_servers_do_not_keep_up() -> None:
    assert waiting_share(2.0, 2) == 1
    queue = Queue(2.0, 2, constant())
    assert (queue.latency(), queue.mean_wait_seconds) == (None, inf)


@pytest.mark.parametrize("share", [0.5, 0.95, 0.99])
def test_one_server_of_exponential_service_is_exact(share: float) -> None:
    """Latency of M/M/1 is exponential."""
    queue, exact = Queue(0.8, 1, Exponential()), -log(1 - share) / 0.2
    assert queue.latency().quantile(share) == pytest.approx(exact, rel=0.003)
    assert queue.latency(Rounding.DOWN).quantile(share) <= exact
    assert exact <= queue.latency(Rounding.UP).quantile(share)


@pytest.mark.parametrize("servers", [2, 16])
def test_several_servers_of_exponential_service_are_exact(servers: int) -> None:
    """Of M/M/c: P(T > t) = e^-t + C (e^-at - e^-t) / (1 - a) with a = c - offered."""
    offered = 0.9 * servers
    idle, waiting = servers - offered, waiting_share(offered, servers)
    late = Queue(offered, servers, Exponential()).latency().quantile(0.99)
    beyond = exp(-late) + waiting * (exp(-idle * late) - exp(-late)) / (1 - idle)
    assert beyond == pytest.approx(0.01, rel=0.03)


@pytest.mark.parametrize("seconds", [1.25, 2.5, 4.5])
def test_one_server_of_constant_service_is_exact(seconds: float) -> None:
    """Erlang's waits of M/D/1."""
    rate = 0.7
    within = (1 - rate) * sum(
        (rate * (k - seconds)) ** k / factorial(k) * exp(-rate * (k - seconds))
        for k in range(int(seconds) + 1)
    )
    found = Queue(rate, 1, constant()).latency()
    at = round((seconds + 1) / found.step_seconds)
    assert np.cumsum(found.masses)[at] == pytest.approx(within, abs=0.002)


def test_the_mean_wait_of_one_server_is_that_of_pollaczek_and_khinchine() -> None:
    mix = ServiceMix(np.array([1.0, 3.0]), np.array([0.75, 0.25]), 0.4)
    square = (0.75 * 1 + 0.25 * 9) * 1.16
    queue = Queue(0.5, 1, mix)
    assert queue.mean_wait_seconds == pytest.approx(0.5 * square / 2 / (1 - 0.75))
    found = queue.latency().mean_seconds - 1.5
    assert found == pytest.approx(queue.mean_wait_seconds, rel=1e-3)


def test_bounds_are_on_both_sides_and_percentiles_rise_with_load_and_fall_with_servers() -> None:
    mix = constant(cv=0.3)
    for share in (0.5, 0.99):
        low, near, high = (Queue(0.7, 1, mix).latency(each).quantile(share) for each in Rounding)
        assert low <= near <= high <= low * 1.05
        by_load = [Queue(rate, 2, mix).latency().quantile(share) for rate in (0.2, 1.0, 1.6, 1.9)]
        by_servers = [Queue(1.9, c, mix).latency().quantile(share) for c in (2, 3, 8)]
        assert by_load == sorted(by_load)
        assert by_servers == sorted(by_servers, reverse=True)


def test_regular_arrivals_wait_less() -> None:
    at_random, regular = (
        Queue(0.8, 1, constant(cv=0.5), cv2).latency().quantile(0.99) for cv2 in (1.0, 0.2)
    )
    assert regular < at_random
    assert Queue(0.8, 1, constant(), 0.0).latency().quantile(0.99) == pytest.approx(1.0)


def test_a_busy_server_of_regular_arrivals_has_all_percentiles() -> None:
    """2.33 by a simulation of 150,000 queries whose gaps are gamma distributed."""
    late = Queue(0.9, 1, constant(cv=0.1), 0.055).latency().quantile(0.99)
    assert 2.33 <= late <= 2.33 * 1.06


def test_batches_of_one_are_a_queue_of_one_server() -> None:
    batches = BatchQueue(0.8, np.ones(1), np.full(1, 0.3)).latency()
    queue = Queue(0.8, 1, constant(cv=0.3)).latency()
    for share in (0.5, 0.95, 0.99):
        assert batches.quantile(share) == pytest.approx(queue.quantile(share), rel=0.03)


def test_batches_without_end_have_no_latency() -> None:
    assert BatchQueue(3.9, np.array([0.9, 0.95, 1.0, 1.0]), np.zeros(4)).latency() is not None
    assert BatchQueue(4.0, np.array([0.9, 0.95, 1.0, 1.0]), np.zeros(4)).latency() is None


def test_neighbours_slow_each_other_down_until_none_keeps_up() -> None:
    busy = utilisation_with_slowdown(16.0, 32, 0.5)
    assert busy == pytest.approx(0.5 * (1 + 0.5 * busy))
    assert utilisation_with_slowdown(16.0, 32, 0.0) == 0.5
    assert utilisation_with_slowdown(24.0, 32, 0.5) is None


def test_stages_in_a_row_are_within_their_bound() -> None:
    stage = Queue(0.6, 1, constant(cv=0.3)).latency()
    both = in_a_row([stage, stage])
    assert both.mean_seconds == pytest.approx(2 * stage.mean_seconds, rel=1e-6)
    assert both.quantile(0.99) <= surely_within_seconds([stage, stage], 0.99)
    assert departures_cv2(1.0, 1.0, 0.7, 3) == pytest.approx(1.0)


def test_measured_funnels_of_recpipe_are_predicted_from_their_means() -> None:
    """134 runs at the lightest load: p95 of the whole from each stage's mean alone.

    Service of a CV of 0.1; gaps a Poisson-distributed whole number of milliseconds and more.
    """
    found, measured = [], []
    for _, servers, stages, sort, gap, (_, p95) in json.loads(RECPIPE.read_text())["runs"]:
        cv2 = 15 / gap**2
        queues = [
            Queue(1 / gap, count, constant(mean, 0.1), cv2)
            for mean, count in zip([*stages, sort], [*servers, 1], strict=True)
        ]
        row = in_a_row([queue.latency_on(0.25, 1024) for queue in queues])
        found.append(row.quantile(0.95))
        measured.append(p95)
    off = np.abs(np.array(found) / measured - 1)
    ranks = [np.argsort(np.argsort(each)) for each in (found, measured)]
    assert np.median(off) < 0.075
    assert np.quantile(off, 0.9) < 0.15
    assert np.corrcoef(*ranks)[0, 1] > 0.99
