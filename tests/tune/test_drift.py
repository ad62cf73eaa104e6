"""Whether a running job drifts: against series whose change is known."""

from __future__ import annotations

import json
from itertools import permutations

import numpy as np
import pytest

from shardplan import Settings, load, plan
from shardplan.plan.file.measured import Measured
from shardplan.tune.drift.change_point import ChangePoint
from shardplan.tune.drift.drift import FEWEST, Drift

SPEC = {
    "batch": {"local": 256},
    "topology": {"name": "cpu-2s"},
    "tables": [{"name": "a", "rows": 4_000, "dim": 16}, {"name": "b", "rows": 600, "dim": 16}],
}


@pytest.fixture(scope="module")
def planned():
    return plan(load(SPEC), Settings(method="greedy"))


def measured(files: int, seed: int, *, since: int | None = None, factor: float = 1.0):
    """Files of a job whose update takes ``factor`` times as long from one of them on."""
    generator = np.random.default_rng(seed)
    found = []
    for number in range(files):
        lookup, update, rest = 1e-3 * np.exp(0.01 * generator.standard_normal(3))
        update *= factor if since is not None and number >= since else 1.0
        phases = {"lookup_forward": lookup, "update_backward": update}
        found.append(Measured(step_seconds=lookup + update + rest, phases=phases))
    return found


def names(files: int) -> list[str]:
    return [f"{number:02}.json" for number in range(files)]


def drift_of(planned, found) -> Drift:
    return Drift.of(planned, found, names(len(found)))


def test_a_phase_that_moved_is_named_with_the_file_since_which_it_did(planned):
    found = drift_of(planned, measured(24, 0, since=13, factor=1.5))
    assert found.has_drifted
    step, update, *others = found.terms
    assert (step.name, update.name) == ("step", "update_backward")
    assert update.since == step.since == "13.json"
    assert update.after_seconds / update.before_seconds == pytest.approx(1.5, rel=0.02)
    assert {each.name for each in others} == {"lookup_forward", "beside the phases"}
    assert not any(each.has_moved for each in others)
    assert update.predicted_seconds == planned.prediction.phases["update_backward"]


def test_a_job_that_gets_faster_has_moved_too(planned):
    found = drift_of(planned, measured(24, 1, since=10, factor=0.5))
    assert found.terms[0].moved_seconds < 0
    assert found.has_drifted


def test_what_moves_by_less_than_is_worth_a_word_is_not_told(planned):
    found = drift_of(planned, measured(400, 2, since=200, factor=1.01))
    assert found.terms[0].chance < 0.01
    assert not found.has_drifted


def test_a_steady_job_is_said_to_drift_no_more_often_than_stated(planned):
    drifts = sum(drift_of(planned, measured(16, seed)).has_drifted for seed in range(300))
    assert drifts <= 9


def test_single_outliers_are_no_drift(planned):
    found = measured(20, 3)
    found[-1] = found[-1].model_copy(update={"step_seconds": 1.0})
    assert not drift_of(planned, found).has_drifted


def test_few_files_are_refused(planned):
    with pytest.raises(ValueError, match="13 measured files tell of no drift"):
        drift_of(planned, measured(FEWEST - 1, 0))


def test_the_fewest_files_tell_a_clear_change(planned):
    found = drift_of(planned, measured(FEWEST, 4, since=FEWEST // 2, factor=2.0))
    assert found.terms[1].since == f"{FEWEST // 2:02}.json"


@pytest.mark.parametrize("values", [[1, 2, 3, 4, 5, 6], [2, 1, 4, 3, 6, 5], [1, 6, 2, 5, 3, 4]])
def test_the_chance_is_the_share_of_all_orders_that_go_as_far(values):
    largest = _farthest(np.array(values, dtype=float))
    orders = [_farthest(np.array(order, dtype=float)) for order in permutations(values)]
    share = sum(each >= largest for each in orders) / len(orders)
    found = ChangePoint.of(np.array(values, dtype=float)).chance
    assert found == pytest.approx(share, abs=0.03)


def _farthest(values) -> float:
    return max(abs(_sum_of_ranks(values, range(k))) for k in range(1, len(values)))


def _sum_of_ranks(values, first) -> float:
    first = list(first)
    others = [n for n in range(len(values)) if n not in first]
    return float(np.sign(values[first][:, None] - values[others][None, :]).sum())


def test_the_position_is_that_of_the_largest_difference_of_ranks():
    values = np.array([3.0, 1.0, 2.0, 9.0, 8.0, 7.0])
    sums = [abs(_sum_of_ranks(values, range(k))) for k in range(1, 6)]
    assert ChangePoint.of(values).position == 1 + int(np.argmax(sums)) == 3


def test_json_of_a_drift_is_plain(planned):
    from shardplan.cli.reports.drift_report import drift_json

    found = json.loads(json.dumps(drift_json(drift_of(planned, measured(16, 5)))))
    assert found["has_drifted"] is False
