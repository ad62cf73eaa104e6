"""Samples that come in from outside, beside the step."""

from __future__ import annotations

import pytest
from analytic_cases import CLUSTER, cluster, model, table

from shardplan import Settings, explain, load, plan, verify
from shardplan.workload.training import Training

FAST = CLUSTER + "ingest: 50GB/s\n"


def ingest_seconds(text, nodes=2, **training):
    found = model(
        table(pooling=10.0, features=2),
        batch=8_192,
        training=Training(**training),
        topology=cluster(nodes, text),
    )
    return {phase.name: phase.constant_seconds for phase in found.phases}.get("ingest")


def test_the_batch_comes_in_through_the_front_ends_of_all_nodes():
    assert ingest_seconds(FAST, sample_bytes=912) == pytest.approx(8_192 * 912 / (2 * 50e9))


def test_a_sample_has_its_ids_their_number_by_feature_and_a_label():
    per_sample = 8 * 10 + 4 * 2 + 4
    assert ingest_seconds(FAST) == pytest.approx(8_192 * per_sample / (2 * 50e9))


def test_host_links_hold_samples_up_too():
    """Eight of 1 GB/s, behind two front ends of 50."""
    slow = FAST.replace("host_link: 64GB/s", "host_link: 1GB/s")
    assert ingest_seconds(slow, sample_bytes=912) == pytest.approx(8_192 * 912 / 8e9)


def test_where_a_topology_is_silent_samples_hold_nothing_up():
    assert ingest_seconds(CLUSTER) is None


@pytest.mark.parametrize("pipeline", ["none", "sparse_dist"])
def test_a_step_is_at_least_as_long_as_its_batch_takes_to_come_in(pipeline):
    """100 kB a sample through 50 GB/s; the plan says so, and no bound is above it."""
    case = load(
        {
            "batch": {"global": 8_192},
            "topology": {"name": "zionex", "nodes": 1},
            "training": {"pipeline": pipeline, "input": {"bytes_per_sample": "100kB"}},
            "tables": [{"name": f"t{n}", "rows": 100_000, "dim": 64} for n in range(8)],
        }
    )
    best = plan(case, Settings(method="greedy"))
    expected = 8_192 * 100e3 / 50e9
    assert best.prediction.step_seconds == pytest.approx(expected)
    assert best.prediction.beside == {"data_loading": ("ingest",)}
    assert best.optimality.lower_bound_seconds == pytest.approx(expected)
    assert verify(best) == ()
    (limit,) = explain(best).limits
    assert limit == (
        "ingest: it waits for the 50 GB/s at which samples come into a node; no plan avoids that"
    )
