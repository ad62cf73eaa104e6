"""What a step is worth, by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shardplan.size.answer.target import Target, TargetKind
from shardplan.size.space.build_space import build_space
from shardplan.size.terms.goodput import Goodput
from shardplan.size.terms.samples import samples_of
from shardplan.size.terms.terms import Terms
from shardplan.spec.load import spec_from_value
from shardplan.spec.sizing.goal import Goal
from shardplan.spec.sizing.training_spec import FailuresSpec


def terms(batch: int = 65536, **size: Any) -> Terms:
    machine = {"topology": "dgx-h100", "nodes": [8], "price": "55.04USD/h"}
    machine |= size.pop("machine", {})
    value = {
        "batch": {"global": batch},
        "topology": "dgx-h100",
        "tables": [{"name": "t", "rows": 1_000_000, "dim": 16}],
        "size": {"machines": [machine], **size},
    }
    space = build_space(spec_from_value(value, "spec"))
    return Terms.of(space, space.candidates[0])


def test_goodput_of_128_nodes_is_that_of_young_and_daly() -> None:
    """6.5 failures in 1,000 node-days: one in 28.8 h; 20 s every 34 min; 97.5% is left."""
    spec = FailuresSpec.model_validate(
        {"per_node_day": 0.0065, "restart": "10min", "checkpoint": "20s"}
    )
    found = Goodput.of(spec, 128, 0.0)
    assert found.between_failures_seconds == pytest.approx(28.8 * 3600, rel=0.01)
    assert found.interval_seconds == pytest.approx(34 * 60, rel=0.01)
    assert found.steps == pytest.approx(0.975, abs=0.001)


def test_the_best_interval_is_none_better_than_young_and_dalys() -> None:
    def steps(seconds: float) -> float:
        value = {"per_node_day": 1.0, "checkpoint": "20s", "interval": f"{seconds}s"}
        return Goodput.of(FailuresSpec.model_validate(value), 10, 0.0).steps

    best = Goodput.of(
        FailuresSpec.model_validate({"per_node_day": 1.0, "checkpoint": "20s"}), 10, 0.0
    )
    assert best.steps == pytest.approx(steps(best.interval_seconds))
    assert best.steps >= max(steps(best.interval_seconds * factor) for factor in (0.8, 1.25))


def test_a_checkpoint_takes_what_its_bytes_take_to_write() -> None:
    """A million rows of 64 bytes and 4 of the optimizer's, on 8 nodes."""
    found = terms(
        failures={"per_node_day": 0.0, "checkpoint_rate": "1MB/s", "interval": "85s"}
    ).goodput
    assert found.checkpoints == pytest.approx(8.5 / 85)


def test_without_terms_a_step_is_all_there_is() -> None:
    found = terms(batch=8000)
    assert found.time_terms(2.0) == {"steps": 1e9 / 8000 * 2}
    assert found.cost_terms(2.0) == {"nodes": pytest.approx(1e9 / 8000 * 2 / 3600 * 55.04 * 8)}


def test_the_terms_add_up_to_time_and_cost() -> None:
    found = terms(
        samples_to_target={"minimum": 2e9, "critical_batch": 65536},
        evaluations={"every": 3e8, "time": "7s"},
        failures={"per_node_day": 2.0, "restart": "10min", "checkpoint": "20s"},
        workers={"throughput": 5e4, "price": "0.5USD/h"},
        machine={"spare": "10%"},
    )
    assert found.samples == 4e9
    assert found.evaluation_seconds == 14 * 7
    assert (found.nodes, found.spare_nodes) == (8, 1)
    assert sum(found.time_terms(0.003).values()) == pytest.approx(found.time_seconds(0.003))
    assert sum(found.cost_terms(0.003).values()) == pytest.approx(found.cost(0.003))
    assert found.cost_terms(0.003)["workers"] == pytest.approx(4e9 / 5e4 / 3600 * 0.5)


@given(st.sampled_from(list(TargetKind)), st.floats(1e-4, 1.0))
def test_the_longest_step_just_reaches_the_target(kind: TargetKind, step: float) -> None:
    found = Terms(65536, 3e9, Goodput(0.01, 0.02), 60.0, 4, 1, 50.0, 0.0)
    reached = {
        TargetKind.STEP: step,
        TargetKind.THROUGHPUT: 65536 / step,
        TargetKind.WITHIN: found.time_seconds(step),
    }
    target = Target(kind=kind, value=reached[kind])
    assert found.longest_step(target) == pytest.approx(step, rel=1e-6)


@given(st.floats(1e-5, 1.0), st.floats(1.0, 3.0))
def test_time_and_cost_rise_with_the_step(step: float, factor: float) -> None:
    found = Terms(65536, 3e9, Goodput(0.01, 0.02), 60.0, 4, 1, 50.0, 1e-9)
    goals = (Goal.TIME, Goal.COST)
    less, more = found.values(step, goals), found.values(step * factor, goals)
    assert less[0] <= more[0]
    assert less[1] <= more[1]


def test_samples_lie_on_straight_lines_between_pairs_and_nowhere_else() -> None:
    value = {
        "batch": {"global": 64},
        "topology": "dgx-h100",
        "tables": [{"name": "t", "rows": 10, "dim": 4}],
        "size": {"machines": "dgx-h100", "samples_to_target": [[100, 1e9], [300, 3e9]]},
    }
    size = spec_from_value(value, "spec").spec.size
    assert size is not None
    assert [samples_of(size, batch) for batch in (99, 100, 200, 300, 301)] == [
        None, 1e9, 2e9, 3e9, None,
    ]  # fmt: skip


def test_mlperfs_samples_to_target_are_met_by_the_curve() -> None:
    """``0.642 (1 + B / 289,000)`` epochs of 4,195,197,692 samples, against the means of MLPerf's
    reference runs (mlcommons/logging, rcps_dlrm_dcnv2.json)."""
    epoch = 4_195_197_692
    means = {32768: 0.707, 55296: 0.763, 65536: 0.793, 102400: 0.89, 135168: 0.928}
    curve = {"minimum": 0.642 * epoch, "critical_batch": 289_000}
    for batch, epochs in means.items():
        found = terms(batch=batch, samples_to_target=curve).samples
        assert found / epoch == pytest.approx(epochs, abs=0.021)


def test_a_cluster_that_fails_faster_than_it_works_has_no_training() -> None:
    found = terms(failures={"per_node_day": 500, "restart": "1h", "checkpoint": "20s"})
    assert "fail before they have made up" in found.problem
