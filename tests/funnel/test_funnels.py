"""Funnels: the cheapest that are fast enough, a front, RecPipe's measured runs, a simulation."""

from __future__ import annotations

import heapq
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from shardplan.funnel.cheapest import cheapest
from shardplan.funnel.demand import Demand
from shardplan.funnel.enumerate_funnels import MeasuredFunnel, enumerate_funnels
from shardplan.funnel.front import front
from shardplan.funnel.funnel import Funnel
from shardplan.funnel.funnel_latency import FunnelLatency
from shardplan.funnel.stage_way import StageWay
from shardplan.latency.service_mix import ServiceMix

DATA = Path(__file__).parents[1] / "data" / "serving"


def way(name: str, mean: float, workers: int = 1, price: float = 1.0, most: int = 1) -> StageWay:
    service = ServiceMix(np.array([mean]), np.ones(1), 0.1)
    return StageWay(name, service, workers, price, most)


TWO = Funnel("two", (way("a", 0.004, 2, 1.0, 9), way("b", 0.009, 1, 2.5, 9)), 0.9)


@pytest.mark.parametrize("limit", [0.016, 0.02, 0.03, 0.1])
def test_no_numbers_of_replicas_that_are_fast_enough_are_cheaper(limit: float) -> None:
    demand = Demand(300.0, 0.95, limit, busy_at_most=0.9)
    latency = FunnelLatency(TWO, demand)
    every = [
        n + 2.5 * m
        for n, m in product(range(1, 10), repeat=2)
        if latency.seconds((n, m)) <= limit and 300 * 0.004 / 2 / n <= 0.9 >= 300 * 0.009 / m
    ]
    found = cheapest(TWO, demand)
    assert found.least_cost == min(every, default=float("inf"))
    if every:
        assert found.served.cost == min(every)
        assert found.served.seconds <= limit
    # Where it is not tried for long, what was come to is a bound.
    assert cheapest(TWO, demand, most_tried=1).least_cost <= found.least_cost


def test_a_funnel_slower_than_its_limit_has_no_replicas() -> None:
    assert cheapest(TWO, Demand(1.0, 0.95, 0.012)).served is None
    assert cheapest(TWO, Demand(1e6, 0.95, 1.0)).least_cost == float("inf")


def test_a_front_has_what_none_beats() -> None:
    ways = {
        ("small", 4000): [way("small cpu", 0.030, 4, 1.0, 6), way("small gpu", 0.008, 1, 3.0, 6)],
        ("large", 4000): [way("large cpu", 0.060, 4, 1.0, 6), way("large gpu", 0.012, 1, 3.0, 6)],
        ("large", 500): [way("rank cpu", 0.008, 4, 1.0, 6)],
    }
    measured = [
        MeasuredFunnel((("small", 4000),), 0.90),
        MeasuredFunnel((("large", 4000),), 0.93),
        MeasuredFunnel((("small", 4000), ("large", 500)), 0.93),
    ]
    funnels = list(enumerate_funnels(measured, ways))
    assert len(funnels) == 6
    demand, limits = Demand(100.0, 0.95, 1.0), (0.03, 0.06, 0.1)
    found = front(funnels, demand, limits)
    for limit in limits:
        asked = Demand(100.0, 0.95, limit)
        for funnel in funnels:
            served = cheapest(funnel, asked).served
            assert served is None or any(
                each.cost <= served.cost
                and each.seconds <= limit
                and each.funnel.quality >= funnel.quality
                for each in found
            )
    assert not any(one.dominates(other) for one, other in product(found, repeat=2))


def test_steps_that_nobody_can_serve_are_named() -> None:
    rows = [MeasuredFunnel((("small", 4096), ("large", 512)), 0.9)]
    with pytest.raises(ValueError, match="large of 512, small of 4,096"):
        list(enumerate_funnels(rows, {}))


def test_funnels_chosen_for_recpipe_are_as_fast_as_the_best_measured() -> None:
    """For each quality that can be asked: p95 measured of the one with the least p95 predicted,
    from the mean of each stage."""
    runs = json.loads((DATA / "recpipe_lightest_load.json").read_text())["runs"]
    quality = np.array(json.loads((DATA / "recpipe_ndcg64.json").read_text())["ndcg64"])
    found, measured = [], []
    for _, servers, stages, sort, gap, (_, p95) in runs:
        ways = [
            way(str(number), seconds / 1e3, count)
            for number, (seconds, count) in enumerate(
                zip([*stages, sort], [*servers, 1], strict=True)
            )
        ]
        demand = Demand(1e3 / gap, 0.95, 0.1, arrivals_cv2=15 / gap**2)
        found.append(FunnelLatency(Funnel("", tuple(ways), 0.0), demand).seconds((1,) * len(ways)))
        measured.append(p95)
    found, measured = np.array(found), np.array(measured)
    assert np.isfinite(found).all()
    regret = []
    for asked in np.unique(quality):
        enough = np.flatnonzero(quality >= asked)
        chosen = enough[np.argmin(found[enough])]
        regret.append(measured[chosen] / measured[enough].min() - 1)
    assert len(regret) > 40
    assert np.mean(regret) < 0.02


def test_a_funnel_is_as_fast_as_in_a_simulation() -> None:
    """Two stages; queries go to replicas at random, and wait for the first worker there."""
    rng = np.random.default_rng(5)
    count = 60_000
    arrivals = np.cumsum(rng.exponential(1 / 300, count))
    ended = arrivals
    for stage, replicas in zip(TWO.stages, (1, 4), strict=True):
        mean, cv = stage.service.means_seconds[0], stage.service.cv
        sigma = np.sqrt(np.log1p(cv**2))
        seconds = mean * np.exp(rng.normal(-(sigma**2) / 2, sigma, count))
        free = [[0.0] * stage.workers for _ in range(replicas)]
        order = np.argsort(ended)
        came, ended = ended, np.empty(count)
        for query, place in zip(order, rng.integers(0, replicas, count), strict=True):
            start = max(came[query], heapq.heappop(free[place]))
            ended[query] = start + seconds[query]
            heapq.heappush(free[place], ended[query])
    simulated = np.quantile((ended - arrivals)[count // 20 :], 0.95)
    predicted = FunnelLatency(TWO, Demand(300.0, 0.95, 0.1)).seconds((1, 4))
    assert predicted == pytest.approx(simulated, rel=0.05)
