"""DLRM-DCNv2 on more and more H100, against MLPerf's results; and weak scaling."""

from __future__ import annotations

from functools import cache

import pytest

from shardplan import Settings, load, plan
from shardplan.cost.part import Part
from shardplan.size.bounds.least_step import least_step
from shardplan.validation.published_steps import published_steps

RESULTS = {8: "dcnv2-h100x8-v4.0", 64: "dcnv2-h100x64-v4.1"}
"""By devices; that of 128 is of the first round's software, and there is none of 16."""
DEVICES = (8, 16, 64, 128)
QUICK = Settings("greedy", effort=0.01, time_limit_seconds=1e5)


@cache
def published():
    return {step.id: step for step in published_steps()}


@cache
def predicted_seconds(devices):
    """Of the plan that is free to shard as it likes, at the batch of the result."""
    result = published()[RESULTS[64 if devices > 16 else 8]]
    spec = {key: value for key, value in result.spec.items() if key != "constraints"}
    spec |= {"topology": {"name": "dgx-h100", "nodes": devices // 8}}
    case = load(spec)
    seconds = plan(case, QUICK).prediction.step_seconds
    assert least_step(case).seconds <= seconds
    return seconds


def train_seconds(devices):
    """With the samples that the batch needs, and MLPerf's evaluations."""
    result = published()[RESULTS[64 if devices > 16 else 8]]
    batch = result.global_batch
    run = result.convergence.run(batch, result.run.evaluation_seconds)
    return run.seconds(predicted_seconds(devices), batch)


@pytest.mark.parametrize("devices", RESULTS)
def test_steps_and_times_to_train_are_as_published(devices):
    result = published()[RESULTS[devices]]
    assert predicted_seconds(devices) == pytest.approx(result.measured.seconds, rel=0.15)
    assert train_seconds(devices) == pytest.approx(result.run.score_seconds, rel=0.2)


def test_more_devices_train_sooner_and_cost_more():
    times = [train_seconds(devices) for devices in DEVICES]
    assert times == sorted(times, reverse=True)
    hours = [devices * seconds for devices, seconds in zip(DEVICES, times, strict=True)]
    assert hours == sorted(hours)


def weak(devices, groups):
    """As many samples for each device, on any number of them."""
    value = {
        "batch": {"local": 512},
        "topology": {"name": "dgx-h100", "nodes": devices // 8},
        "training": {"optimizer": "rowwise_adagrad"},
        "tables": [
            {"name": f"t{n}", "rows": 200_000 * (1 + n % 5), "dim": 64 * (1 + n % 2), "pooling": 5}
            for n in range(40)
        ],
    }
    if groups > 1:
        value["training"]["replicas"] = {"groups": groups, "sync_every": 20}
    return load(value)


def test_without_groups_no_plan_scales_to_thousands_of_devices_for_the_network():
    """The bound on 4,096 devices is above a plan on 512: messages to all peers take their time."""
    few = plan(weak(512, 1), QUICK).prediction.step_seconds
    alone, grouped = least_step(weak(4096, 1)), least_step(weak(4096, 16))
    assert few / alone.seconds < 0.5
    assert max(alone.parts, key=alone.parts.get) is Part.NETWORK
    assert grouped.seconds < 0.2 * alone.seconds
