"""The loop: gone on with, interrupted, with plans that fail, and with nothing to correct."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from planted_job import SimulatedJob, planted
from planted_tuning import EXACT, tuning_of

from shardplan import Settings, load, plan
from shardplan.errors import InputError, Interrupted, NoPlanFound, ShardplanError
from shardplan.plan.file.read import read_plan
from shardplan.solve.deadline import Deadline
from shardplan.tune.candidates.candidate import likeness
from shardplan.tune.candidates.solving import Solving
from shardplan.tune.folder.tune_folder import TuneFolder
from shardplan.tune.folder.tune_state import JobFacts
from shardplan.tune.job.job import JobFailed
from shardplan.tune.ledger_of_runs import LedgerOfRuns
from shardplan.tune.tune_params import RaceParams, TuneParams
from shardplan.tune.tune_reporter import TuneReporter
from shardplan.tune.tuned import End, Outcome
from shardplan.tune.tuning import Tuning

QUICK = TuneParams(rounds=2, race=RaceParams(passes_a_round=2, most_passes=4))


@pytest.fixture(scope="module")
def simulator():
    return planted(1)


class Job(SimulatedJob):
    """Notes its runs, fails under some plans, and is interrupted once."""

    def __init__(self, simulator, fails=lambda name: False, stops_at=None):
        super().__init__(simulator, noise=0.02, drift=0.1, seed=5)
        self.names, self.fails, self.stops_at = [], fails, stops_at

    def run(self, plan, measured, log):
        if self.stops_at == len(self.names):
            self.stops_at = None
            raise Interrupted("interrupted while a plan was measured")
        self.names.append((plan.stem, measured.stem))
        if self.fails(plan.stem):
            raise JobFailed("it ended with exit code 1", ("out of memory",))
        super().run(plan, measured, log)


def tuned(simulator, folder, job, **more):
    with TuneFolder(folder).opened() as opened:
        return tuning_of(simulator, opened, job, QUICK, **more).run()


def told(found):
    return [(each.name, each.outcome, each.measured_seconds, each.runs) for each in found.plans]


def test_the_best_plan_is_the_file_best_json_and_verified(simulator, tmp_path):
    found = tuned(simulator, tmp_path, Job(simulator))
    assert found.plans[0].outcome is Outcome.BEST
    assert found.plans[0].name == found.best
    best = read_plan(tmp_path / "best.json")
    assert best == read_plan(tmp_path / "plans" / f"{found.best}.json")


def test_it_is_no_slower_than_any_baseline_by_the_clock(simulator, tmp_path):
    found = tuned(simulator, tmp_path, Job(simulator))
    given = [each for each in found.plans if each.is_given and each.ratio is not None]
    assert given
    assert all(each.ratio >= 1 - found.margin for each in given)


def test_an_interrupted_tuning_goes_on_where_it_was(simulator, tmp_path):
    """With the same runs in the same order, none of them twice, to the same end."""
    whole, halved = Job(simulator), Job(simulator, stops_at=9)
    expected = tuned(simulator, tmp_path / "whole", whole)
    first = tuned(simulator, tmp_path / "halved", halved)
    assert first.end is End.INTERRUPTED
    assert first.runs == 9
    assert (tmp_path / "halved" / "best.json").exists()
    second = tuned(simulator, tmp_path / "halved", halved)
    assert halved.names == whole.names
    assert len(set(halved.names)) == len(halved.names)
    assert told(second) == told(expected)


def test_a_tuning_that_is_over_measures_nothing_more(simulator, tmp_path):
    job = Job(simulator)
    first = tuned(simulator, tmp_path, job)
    runs = len(job.names)
    again = tuned(simulator, tmp_path, job)
    if first.is_certain:
        assert len(job.names) == runs
        assert told(again) == told(first)
    assert len(set(job.names)) == len(job.names)


def test_interrupted_before_any_run_there_is_nothing_to_keep(simulator, tmp_path):
    with pytest.raises(Interrupted):
        tuned(simulator, tmp_path, Job(simulator, stops_at=0))


def test_a_plan_under_which_the_job_fails_is_left_out(simulator, tmp_path):
    job = Job(simulator, fails=lambda name: name == "only-tw")
    found = tuned(simulator, tmp_path, job)
    (failed,) = [each for each in found.plans if each.name == "only-tw"]
    assert failed.outcome is Outcome.FAILED
    assert (failed.failure, failed.said) == ("it ended with exit code 1", ("out of memory",))
    assert [name for name, _ in job.names].count("only-tw") == 1
    assert found.best != "only-tw"


def test_a_job_that_fails_under_every_plan_is_told_and_may_be_mended(simulator, tmp_path):
    job = Job(simulator, fails=lambda name: True)
    with pytest.raises(JobFailed, match="out of memory"):
        tuned(simulator, tmp_path, job)
    assert len(job.names) == 3
    assert tuned(simulator, tmp_path, Job(simulator)).runs > 3


def test_a_plan_that_ran_before_has_another_try(simulator, tmp_path):
    """The first run of the second pass fails, and no other."""

    class Stumbles(Job):
        stumbled = ""

        def run(self, plan, measured, log):
            stumbles = not self.stumbled and measured.stem.endswith("-02")
            if stumbles:
                self.stumbled = plan.stem
            self.fails = lambda _: stumbles
            super().run(plan, measured, log)

    job = Stumbles(simulator)
    found = tuned(simulator, tmp_path, job)
    assert job.stumbled
    assert not any(each.outcome is Outcome.FAILED for each in found.plans)


class Dies(Job):
    """No run goes well any more after some."""

    def run(self, plan, measured, log):
        self.fails = lambda _: len(self.names) > 12
        super().run(plan, measured, log)


def test_a_job_that_dies_keeps_the_best_plan_and_every_other(simulator, tmp_path):
    """Three runs in a row fail under plans that ran before; mended, it goes on."""
    found = tuned(simulator, tmp_path, Dies(simulator))
    assert found.end is End.FAILED
    assert found.runs == 12
    assert found.plans[0].measured_seconds == min(
        each.measured_seconds for each in found.plans if each.measured_seconds
    )
    assert (tmp_path / "best.json").exists()
    assert not any(each.outcome is Outcome.FAILED for each in found.plans)
    again = tuned(simulator, tmp_path, Job(simulator))
    assert again.end is not End.FAILED
    assert again.runs > found.runs


def test_a_plan_that_is_given_later_runs_too(simulator, tmp_path):
    tuned(simulator, tmp_path, Job(simulator))
    spec = simulator.spec() | {"constraints": [{"tables": "*", "sharding": ["column_wise"]}]}
    own = plan(load(spec), EXACT)
    job = Job(simulator)
    found = tuned(simulator, tmp_path, job, given=[("given-own", own)])
    (mine,) = [each for each in found.plans if "given-own" in (each.name, *each.also)]
    assert mine.is_given
    assert mine.runs


def test_solves_that_ctrl_c_cut_short_are_no_round(simulator, tmp_path):
    """The plans of the second round are looked for anew."""
    job = Job(simulator)
    stops = []

    class Stops(TuneReporter):
        def solving(self, round_):
            stops.append(round_ == 2)

    with TuneFolder(tmp_path).opened() as opened:
        tuning = tuning_of(simulator, opened, job, QUICK, should_stop=lambda: any(stops))
        found = replace(tuning, reporter=Stops()).run()
        assert found.end is End.INTERRUPTED
        assert tuning.ledger.state.tried == 1


def test_no_plan_is_looked_for_when_the_time_for_it_is_over(simulator):
    case = load(simulator.spec())
    assert Solving(EXACT, Deadline.after(-1.0)).plan_if_any(case) is None


def test_a_budget_that_ends_before_any_run_leaves_no_plan(simulator, tmp_path):
    case = load(simulator.spec())
    with TuneFolder(tmp_path).opened() as folder:
        ledger = LedgerOfRuns(folder, JobFacts(spec_sha256="", command=""), case, QUICK.race)
        over = Deadline.after(-1.0)
        with pytest.raises(NoPlanFound):
            Tuning(case, Job(simulator), ledger, folder, Solving(EXACT), budget=over).run()


def test_another_job_or_spec_is_refused_in_the_same_folder(simulator, tmp_path):
    case = load(simulator.spec())
    with TuneFolder(tmp_path).opened() as folder:
        first = JobFacts(spec_sha256="a", command="train")
        LedgerOfRuns(folder, first, case, QUICK.race).put(tried=1)
        for other in (
            JobFacts(spec_sha256="b", command="train"),
            JobFacts(spec_sha256="a", command="x"),
        ):
            with pytest.raises(InputError, match="holds measurements of another"):
                LedgerOfRuns(folder, other, case, QUICK.race)


def test_a_damaged_state_is_refused_by_its_name(simulator, tmp_path):
    case = load(simulator.spec())
    with TuneFolder(tmp_path).opened() as folder:
        (tmp_path / "tune.json").write_text('{"job": 3')
        with pytest.raises(InputError, match=r"tune\.json.*is no state of a tuning"):
            LedgerOfRuns(folder, JobFacts(spec_sha256="", command=""), case, QUICK.race)


def test_two_tunings_cannot_share_a_folder(tmp_path):
    with (
        TuneFolder(tmp_path).opened(),
        pytest.raises(ShardplanError, match="another tuning"),
        TuneFolder(tmp_path).opened(),
    ):
        pass


def test_a_measured_file_of_another_plan_is_a_failure(simulator, tmp_path):
    class Wrong(Job):
        def run(self, plan, measured, log):
            super().run(plan, measured, log)
            if plan.stem == "shardplan":
                measured.write_text(json.dumps({"step_seconds": 1.0, "world_size": 7}))

    found = tuned(simulator, tmp_path, Wrong(simulator))
    (failed,) = [each for each in found.plans if each.name == "shardplan"]
    assert failed.failure == "its measured file is refused"
    assert "measured over 7 ranks" in " ".join(failed.said)


def test_a_model_that_cannot_be_corrected_still_gets_its_best_plan(simulator, tmp_path):
    """TorchRec's estimator: the plans of the first round run, and the fastest is kept."""
    case = load(simulator.spec() | {"cost_model": "torchrec"})
    with TuneFolder(tmp_path).opened() as folder:
        ledger = LedgerOfRuns(folder, JobFacts(spec_sha256="", command=""), case, QUICK.race)
        solving = Solving(Settings(method="greedy"))
        job = Job(simulator)
        job.tells_phases = False  # It has other phases.
        tuning = Tuning(case, job, ledger, folder, solving, params=QUICK)
        found = tuning.run()
        assert tuning.cost_model() is None
    assert found.corrected is None
    assert found.terms == ()
    assert found.plans[0].outcome is Outcome.BEST


def test_the_corrected_cost_model_is_one_that_a_spec_can_name(simulator, tmp_path):
    job = Job(simulator)
    with TuneFolder(tmp_path).opened() as folder:
        tuning = tuning_of(simulator, folder, job, QUICK)
        found = tuning.run()
        value = tuning.cost_model()
    case = load(simulator.spec() | {"cost_model": value})
    made = plan(case, EXACT)
    ran = [each for each in found.plans if each.measured_seconds]
    assert made.prediction.step_seconds <= 1.001 * min(each.corrected_seconds for each in ran)
    assert found.corrected.mean_error < 0.2 * found.calibrated.mean_error
    assert "runs of" in value["sources"]["tune"]


def test_plans_that_differ_in_the_names_of_devices_are_alike(simulator):
    whole = [{"tables": "*", "sharding": "table_wise"}]
    made = plan(load(simulator.spec() | {"constraints": whole}), EXACT)
    text = made.model_dump_json(exclude_unset=True)
    value = json.loads(text)
    for tables in value["plan"].values():
        for entry in tables.values():
            if entry["sharding_type"] == "table_wise":
                entry["ranks"] = [1 - rank for rank in entry["ranks"]]
                for shard in entry["shards"]:
                    rank = entry["ranks"][0]
                    shard["placement"] = f"rank:{rank}/cuda:{rank}"
    swapped = type(made).model_validate_json(json.dumps(value))
    assert likeness(swapped) == likeness(made)
