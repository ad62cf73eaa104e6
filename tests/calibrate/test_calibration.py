"""A calibration of a made-up machine, from its tasks to the cost-model file."""

from dataclasses import replace

import pytest
from synthetic import FakeCrew, machine, shipped_profile

from shardplan.calibrate.comparison import compare
from shardplan.calibrate.fit.cost_model_fit import fit_cost_model
from shardplan.calibrate.measure.grid import ESSENTIAL, tasks
from shardplan.calibrate.measure.session import run_tasks
from shardplan.calibrate.measurements.measurement import Kernel
from shardplan.cost.profile.build_profile import build_profile
from shardplan.cost.profile.profile_file import ProfileFile
from shardplan.errors import Interrupted, ShardplanError
from shardplan.spec.text.document import Document, read_document
from shardplan.spec.validation.validation import validate
from shardplan.topology.collective import Collective

RANKS = 4
"""The shipped profile has curves among that many."""


@pytest.fixture
def truth(tmp_path):
    return shipped_profile("cpu", tmp_path)


def ticking(seconds):
    """A clock that is read once per task."""
    times = iter(range(10**6))
    return lambda: seconds * next(times)


def profile_of(value):
    return build_profile(validate(ProfileFile, Document(value, "fitted")))


def test_known_rates_are_found_again(truth):
    """Without noise, and with another set of probes than it was fitted to: within 5%."""
    chosen = tasks(RANKS)
    measured = run_tasks(chosen[:200], FakeCrew(truth), 1e9)
    fitted = profile_of(fit_cost_model("ours", machine(), RANKS, measured))
    others = run_tasks(chosen[200:], FakeCrew(truth), 1e9)
    for subject, found in compare(fitted, others).subjects.items():
        assert found.mean_error < 0.05, subject
        assert found.rank_correlation > 0.99


def test_noise_stays_noise(truth):
    """Errors of 20% either way leave the model within 10% of the truth on average."""
    measured = run_tasks(tasks(RANKS), FakeCrew(truth, noise=(0.8, 1.0, 1.2, 1.1, 0.9)), 1e9)
    fitted = profile_of(fit_cost_model("ours", machine(), RANKS, measured))
    exact = run_tasks(tasks(RANKS), FakeCrew(truth), 1e9)
    for subject in (Kernel.LOOKUP_FORWARD, Kernel.UPDATE_BACKWARD, Collective.ALL_TO_ALL):
        assert compare(fitted, exact).subjects[subject].mean_error < 0.10


def test_the_file_tells_of_machine_and_residuals(truth):
    measured = run_tasks(tasks(RANKS), FakeCrew(truth), 1e9)
    value = fit_cost_model("ours", machine(), RANKS, measured)
    file = validate(ProfileFile, Document(value, "ours"))
    told = file.calibration
    assert told.machine == "a test machine"
    assert told.processes == RANKS
    assert told.host_to_device == pytest.approx(20e9)
    assert told.device_to_host == pytest.approx(10e9)
    assert set(told.residuals) >= {"lookup_forward", "update_backward", *Collective}
    assert told.residuals["lookup_forward"].mean_error < 0.05
    assert all(figure.source in file.sources for _, figure in file.figures())


def test_a_written_file_reads_back_the_same(truth):
    from shardplan.cli.reports.yaml_text import yaml_text

    value = fit_cost_model("ours", machine(), RANKS, run_tasks(tasks(RANKS), FakeCrew(truth), 1e9))
    again = read_document(yaml_text(value), "ours.yaml").value
    assert validate(ProfileFile, Document(again, "b")) == validate(
        ProfileFile, Document(value, "a")
    )


def test_a_gpu_is_not_asked_how_it_gathers(truth):
    measured = run_tasks(tasks(RANKS), FakeCrew(truth), 1e9)
    gpu = replace(machine(), on_gpu=True, page_bytes=0)
    value = fit_cost_model("ours", gpu, RANKS, measured)
    assert "page" not in value
    assert "gather" not in value["update_backward"]["hbm"]
    assert profile_of(value).update_backward.ddr_path.read == 1.0


def test_too_few_measurements_are_refused(truth):
    measured = run_tasks(tasks(RANKS)[:10], FakeCrew(truth), 1e9)
    with pytest.raises(ShardplanError, match="raise the budget"):
        fit_cost_model("ours", machine(), RANKS, measured)


def test_the_essential_tasks_suffice_for_a_fit(truth):
    measured = run_tasks(tasks(RANKS), FakeCrew(truth), budget_seconds=0.0)
    assert profile_of(fit_cost_model("ours", machine(), RANKS, measured)).name == "ours"


def test_the_budget_ends_a_run(truth):
    """At 10 s a task, 600 s are 60 tasks."""
    crew = FakeCrew(truth)
    run_tasks(tasks(RANKS), crew, 600.0, clock=ticking(10.0))
    assert ESSENTIAL <= len(crew.asked) <= 61


def test_who_interrupts_keeps_what_was_measured(truth):
    asked, kept = iter([False, False, True]), []
    with pytest.raises(Interrupted, match="the same command goes on"):
        run_tasks(
            tasks(RANKS),
            FakeCrew(truth),
            1e9,
            keep=kept.extend,
            is_interrupted=lambda: next(asked),
        )
    probes = [probe for task in tasks(RANKS)[:2] for probe in task.probes]
    assert [measurement.probe for measurement in kept] == probes


def test_a_run_goes_on_where_another_stopped(truth):
    """What is known is not measured again, and both runs together are one long run."""
    everything = tasks(RANKS)[:60]
    kept = []
    run_tasks(everything[:25], FakeCrew(truth), 1e9, keep=kept.extend)
    second = FakeCrew(truth)
    both = run_tasks(everything, second, 1e9, kept)
    assert second.asked == everything[25:]
    assert both == run_tasks(everything, FakeCrew(truth), 1e9)


def test_tasks_are_the_same_every_time_and_none_twice():
    assert tasks(2) == tasks(2)
    probes = [probe for task in tasks(2) for probe in task.probes]
    assert len(set(probes)) == len(probes)


def test_only_what_was_measured_is_called_measured(truth):
    """Copies for the host's memory, the page and the guesses across nodes are not."""
    measured = run_tasks(tasks(RANKS), FakeCrew(truth), 1e9)
    for on_gpu in (False, True):
        page_bytes = 0 if on_gpu else 4096
        here = replace(machine(), on_gpu=on_gpu, page_bytes=page_bytes, gpus=RANKS)
        value = fit_cost_model("ours", here, RANKS, measured)
        figures = dict(validate(ProfileFile, Document(value, "ours")).figures())
        unmeasured = [path for path in figures if "ddr" in path or path[0] in ("page", "scale_out")]
        assert len(unmeasured) > 10
        for path in unmeasured:
            assert figures[path].provenance != "measured", path
        assert figures["scale_up", "curves", 0].provenance == "measured"
        assert figures["lookup_forward", "hbm", "per_id"].provenance == "measured"


def test_collectives_of_a_shared_gpu_are_not_called_measured(truth):
    measured = run_tasks(tasks(RANKS), FakeCrew(truth), 1e9)
    for gpus, provenance in ((1, "estimated"), (RANKS, "measured")):
        here = replace(machine(), on_gpu=True, page_bytes=0, gpus=gpus)
        scale_up = fit_cost_model("ours", here, RANKS, measured)["scale_up"]
        assert {each["provenance"] for each in scale_up["curves"]} == {provenance}
        assert scale_up["link"]["provenance"] == provenance


def test_what_the_fit_leaves_nothing_for_is_free_and_estimated(truth):
    """A machine whose cached bytes and launches cost nothing."""
    hbm = replace(truth.lookup_forward.hbm, per_cached_byte=0.0)
    lookup = replace(truth.lookup_forward, launch_seconds=0.0, hbm=hbm)
    measured = run_tasks(tasks(RANKS), FakeCrew(replace(truth, lookup_forward=lookup)), 1e9)
    value = fit_cost_model("ours", machine(), RANKS, measured)
    free = value["lookup_forward"]["hbm"]["cached_read"]
    assert free == {"value": "free", "provenance": "estimated", "source": "nothing_left"}
    assert value["lookup_forward"]["launch"]["provenance"] == "estimated"
    assert profile_of(value).lookup_forward.hbm.per_cached_byte == 0
    assert "nothing_left" in value["sources"]
