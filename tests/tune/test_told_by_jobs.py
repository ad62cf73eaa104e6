"""What jobs tell of a step: phases now and then, other units, nothing that a clock tells."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from planted_job import SimulatedJob, planted
from planted_tuning import tuning_of

from shardplan.tune.folder.tune_folder import TuneFolder
from shardplan.tune.job.job import JobFailed
from shardplan.tune.tune_params import RaceParams, TuneParams
from shardplan.tune.tune_reporter import TuneReporter

QUICK = TuneParams(rounds=1, race=RaceParams(passes_a_round=3, most_passes=3))


@pytest.fixture(scope="module")
def simulator():
    return planted(1)


class Retold(SimulatedJob):
    """A simulated job whose file is changed before it is read."""

    def __init__(self, simulator, change) -> None:
        super().__init__(simulator, noise=0.0, drift=0.0, seed=5)
        self.change = change

    def run(self, plan, measured, log) -> None:
        super().run(plan, measured, log)
        measured.write_text(json.dumps(self.change(json.loads(measured.read_text()), measured)))


class Doubts(TuneReporter):
    def __init__(self) -> None:
        self.told: list[tuple[float, float]] = []

    def doubted(self, name, step_seconds, elapsed_seconds) -> None:
        self.told.append((step_seconds, elapsed_seconds))


def tuning(simulator, folder, change, reporter=None):
    made = tuning_of(simulator, folder, Retold(simulator, change), QUICK)
    return replace(made, reporter=reporter or TuneReporter())


def observed(simulator, path, change):
    """By plan: its phases as the correction sees them."""
    with TuneFolder(path).opened() as folder:
        made = tuning(simulator, folder, change)
        made.run()
        return {each.decisions: each.phase_seconds for each in made.ledger.observations()}


def test_phases_that_a_job_times_in_some_runs_count_as_where_it_times_all(simulator, tmp_path):
    def now_and_then(value, measured):
        step = {"step_seconds": value["step_seconds"]}
        return value if measured.stem.endswith("-02") else step

    always = observed(simulator, tmp_path / "always", lambda value, _: value)
    seldom = observed(simulator, tmp_path / "seldom", now_and_then)
    there = [plan for plan in seldom if seldom[plan]]
    assert there
    for plan in there:
        assert seldom[plan] == pytest.approx(always[plan])


def test_a_step_longer_than_its_run_is_doubted_once(simulator, tmp_path):
    """Microseconds, say; a step within its run is not."""
    doubts = Doubts()
    with TuneFolder(tmp_path / "micro").opened() as folder:

        def micro(value, _):
            return {"step_seconds": 1e6 * value["step_seconds"]}

        tuning(simulator, folder, micro, doubts).run()
    ((step, elapsed),) = doubts.told
    assert step > elapsed
    calm = Doubts()
    with TuneFolder(tmp_path / "nano").opened() as folder:

        def short(value, _):
            return {"step_seconds": 1e-6 * value["step_seconds"]}

        tuning(simulator, folder, short, calm).run()
    assert calm.told == []


@pytest.mark.parametrize(
    ("value", "reason"),
    [({"phases": {"lookup_forward": 1.0}}, "has no step_seconds"),
     ({"step_seconds": 0}, "step_seconds of 0 in"),
     ({"step_seconds": float("nan")}, "is refused")],
)  # fmt: skip
def test_what_is_no_time_of_a_step_is_told_as_it_is(simulator, tmp_path, value, reason):
    with TuneFolder(tmp_path).opened() as folder, pytest.raises(JobFailed, match=reason):
        tuning(simulator, folder, lambda *_: value).run()
