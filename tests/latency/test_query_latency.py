"""Predicted latency of whole queries against discrete events, and what follows from it."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "serving"))
from served_specs import served

from shardplan.latency.headroom import headroom
from shardplan.latency.least_replicas import least_replicas
from shardplan.latency.query_latency import Claim, query_latency, why_unpredicted
from shardplan.latency.rounding import Rounding
from shardplan.simulation.arrivals import Arrivals
from shardplan.simulation.events import run
from shardplan.simulation.percentile import percentile, steady_latency
from shardplan.simulation.system import System
from shardplan.workload.serving.batch_seconds import BatchSeconds, Lanes

LANE = (1e-3, 0.0, 4e-6)
NARROW = {"lognormal": [5.1, 0.2], "max": 1024}
WIDE = {"lognormal": [5.1, 0.8], "max": 1024}
BIMODAL = {"quantiles": [[0.9, 10], [0.91, 900]]}


def service(cv: float = 0.2) -> BatchSeconds:
    return BatchSeconds((Lanes("lookup", np.array([LANE])),), cv)


def both(utilisation: float, count: int = 60_000, **changes):
    """Predicted, and simulated, at a share of what workers can do by the formula."""
    serving = served(**changes).serving
    rate = utilisation / query_latency(serving, service(), 1, 1.0).utilisation
    batching = serving.batching
    split = batching.splits[0] if batching.splits else None
    system = System(1, serving.replicas.workers, ((LANE,),), 0.2, split, batching.max_samples)
    arrivals = Arrivals.drawn(rate, serving.load.arrivals_cv2, serving.sizes, count, 5)
    latency = steady_latency(run(system, arrivals, 3))
    return query_latency(serving, service(), 1, rate), latency


@pytest.mark.parametrize(
    ("utilisation", "claim", "within", "changes"),
    [
        (0.6, Claim.EXACT, 0.02, {"query": NARROW}),
        (0.7, Claim.NEAR, 0.05, {"query": WIDE, "replicas": {"workers": 2}}),
        (0.9, Claim.NEAR, 0.05, {"query": BIMODAL, "replicas": {"workers": 8}}),
        (0.7, Claim.NEAR, 0.1, {"query": NARROW, "batching": {"max_samples": 2000}}),
    ],
)
def test_percentiles_are_those_of_discrete_events(utilisation, claim, within, changes) -> None:
    """Within what is claimed of each kind of queue, and what chance adds."""
    predicted, simulated = both(utilisation, **changes)
    assert predicted.claim is claim
    for share in (0.5, 0.95, 0.99):
        found = percentile(simulated, share)
        allowed = within * found.seconds + found.half_width_seconds
        assert abs(predicted.seconds(share) - found.seconds) < allowed


@pytest.mark.parametrize("workers", [1, 3, 16])
def test_forks_are_never_below_discrete_events(workers: int) -> None:
    changes = {"query": WIDE, "batching": {"split": 128}, "replicas": {"workers": workers}}
    predicted, simulated = both(0.6, 30_000, **changes)
    assert predicted.claim is Claim.NEVER_BELOW
    for share in (0.5, 0.95, 0.99):
        found = percentile(simulated, share)
        assert predicted.seconds(share) > found.seconds - found.half_width_seconds


def test_what_has_no_formula_says_so() -> None:
    for changes in (
        {"batching": {"max_samples": 900}, "replicas": {"workers": 2}},
        {"batching": {"max_samples": 900, "split": 100}},
        {"batching": {"max_samples": 900, "max_delay": "1ms"}},
        {"batching": {"max_samples": 900}, "query": BIMODAL},
    ):
        serving = served(**changes).serving
        assert why_unpredicted(serving)
        assert query_latency(serving, service(), 1, 1.0) is None
        assert headroom(serving, service(), 1) is None
        assert least_replicas(serving, service(), 1.0, 1) is None


def test_the_limit_that_breaks_first_breaks_at_the_load_that_is_told() -> None:
    serving = served(query=NARROW, slo={"p50": "1.9ms", "p99": "9ms"}).serving
    room = headroom(serving, service(), 4)
    assert room.breaks_first.name == "p50"
    below, above = (
        query_latency(serving, service(), 4, room.queries_per_second * factor).seconds(0.5)
        for factor in (0.99, 1.01)
    )
    assert below <= 1.9e-3 < above
    unlimited = headroom(served(query=NARROW).serving, service(), 4)
    assert unlimited.breaks_first is None
    assert unlimited.queries_per_second == pytest.approx(4 / 1.681e-3, rel=0.01)


def test_the_fewest_replicas_keep_limits_and_fewer_surely_do_not() -> None:
    serving = served(query=NARROW, slo={"p99": "6ms"}, replicas={"max": 40}).serving
    found = least_replicas(serving, service(), 6000.0, 13)

    def late(count: int, rounding: Rounding) -> float:
        return query_latency(serving, service(), count, 6000.0, rounding).seconds(0.99)

    assert late(found.count, Rounding.NEAREST) <= 6e-3 < late(found.count - 1, Rounding.NEAREST)
    assert late(found.at_least - 1, Rounding.DOWN) > 6e-3
    assert 13 < found.at_least <= found.count <= found.at_least + 1
    assert least_replicas(serving, service(), 40_000.0, 13) is None
