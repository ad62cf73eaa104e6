"""What is written of calibrated steps, and read back."""

from __future__ import annotations

from dataclasses import replace

import pytest
from planted_steps import PlantedTrainer, measured_machine

from shardplan.build_case import case_of_value
from shardplan.calibrate.measurements.growing_file import GrowingFile
from shardplan.calibrate.steps.fitted.step_calibration import StepCalibration
from shardplan.calibrate.steps.fitted.step_files import (
    base_figures,
    cost_model_value,
    framework_value,
)
from shardplan.calibrate.steps.training.step_session import StepSession
from shardplan.calibrate.steps.training.steps_file import resume_steps, steps_csv
from shardplan.cli.reports.yaml_text import yaml_text
from shardplan.cost.analytic.model import AnalyticCostModel
from shardplan.cost.framework.framework_file import FrameworkFile
from shardplan.cost.profile.profile_file import ProfileFile
from shardplan.errors import InputError
from shardplan.plan.predict import predict
from shardplan.spec.text.document import Document, read_document
from shardplan.spec.validation.validation import validate


@pytest.fixture(scope="module")
def times(design):
    return StepSession(1e9, rounds=3).run(design, PlantedTrainer(noise=0.02))


@pytest.fixture(scope="module")
def found(design, times):
    return StepCalibration.of(base_figures(measured_machine()), design, times)


@pytest.fixture(scope="module")
def files(found):
    return (
        cost_model_value("ours", measured_machine(), found),
        framework_value("ours-torchrec", "ours", measured_machine(), found),
    )


def test_both_files_read_back_the_same(files):
    for value, form in zip(files, (ProfileFile, FrameworkFile), strict=True):
        again = read_document(yaml_text(value), "ours.yaml").value
        assert validate(form, Document(again, "b")) == validate(form, Document(value, "a"))


def test_a_spec_that_names_both_is_predicted_as_fitted(design, found, files):
    """But for the digits that are written, and curves that a fit has next to nothing of."""
    cost_model, framework = files
    for plan in design.plans[:10]:
        value = dict(plan.case.resolved)
        topology = value["topology"]
        value["topology"] = topology | {
            "device": topology["device"] | {"kind": "cpu"},
            "scale_up": topology["scale_up"]
            | {"bandwidth": cost_model["scale_up"]["link"]["value"]},
        }
        value["cost_model"] = cost_model
        value["training"] = value["training"] | {"framework": framework}
        case = case_of_value(value, "again")
        step = predict(case, plan.decisions).step_seconds
        model = AnalyticCostModel(
            plan.case.workload, plan.case.topology, found.figures.profile, found.figures.framework
        )
        fitted = predict(replace(plan.case, cost_model=model), plan.decisions).step_seconds
        assert step == pytest.approx(fitted, rel=0.02)


def test_only_what_was_measured_is_called_measured(files):
    """Fitted to steps, measured alone, tried, or a guess: each says which."""
    cost_model, framework = files
    figures = dict(validate(ProfileFile, Document(cost_model, "ours")).figures())
    origins = {path: (str(each.provenance), each.source) for path, each in figures.items()}
    assert origins["scale_up", "curves", 0] == ("measured", "steps")
    assert origins["scale_up", "link"] == ("measured", "alone")
    assert origins["dense_update",] == ("measured", "steps")
    assert origins["on_chip_cache",] == ("measured", "best_cache")
    assert origins["page",] == ("published", "system")
    for path, (provenance, source) in origins.items():
        if "ddr" in path or path[0] == "scale_out":
            assert provenance == "estimated"
        assert source in cost_model["sources"]
    added = validate(FrameworkFile, Document(framework, "ours-torchrec"))
    assert {each.source for _, each in added.figures()} == {"steps"}


def test_the_files_tell_what_was_fitted_to_what(design, files):
    cost_model, framework = files
    told = framework["calibration"]
    assert (told["engine"], told["optimizer"], told["processes"]) == ("torchrec", "sgd", 2)
    assert told["cost_model"] == cost_model["name"] == "ours"
    assert told["held_out_plans"] == sum(design.is_held_out)
    assert told["fitted_plans"] == len(design.plans) - told["held_out_plans"]
    parts = ("distribute", "forward", "backward", "step")
    assert list(told["residuals"]) == [*parts, *(f"held_out_{part}" for part in parts)]
    assert told["residuals"] == cost_model["calibration"]["residuals"]


def test_measured_steps_read_back_the_same(times, tmp_path):
    path = tmp_path / "ours.steps.csv"
    path.write_text(steps_csv(times, "here; native", with_header=True))
    assert resume_steps(path, "here; native") == times


def test_half_a_line_at_the_end_is_cut_off_so_that_the_next_one_is_whole(times, tmp_path):
    path = tmp_path / "ours.steps.csv"
    text = steps_csv(times[:3], "here", with_header=True)
    path.write_text(text + steps_csv(times[3:4], "here")[:20])
    assert resume_steps(path, "here") == times[:3]
    GrowingFile(path).append(steps_csv(times[3:5], "here"))
    assert resume_steps(path, "here") == times[:5]


def test_a_file_that_was_killed_before_its_first_line_is_begun_again(tmp_path):
    path = tmp_path / "ours.steps.csv"
    path.write_text("plan,distr")
    assert resume_steps(path, "here") == []
    assert path.read_text() == ""


def test_steps_of_another_machine_are_refused_with_their_line(times, tmp_path):
    path = tmp_path / "ours.steps.csv"
    path.write_text(steps_csv(times[:3], "there", with_header=True))
    with pytest.raises(InputError) as error:
        resume_steps(path, "here")
    (fault,) = error.value.diagnostics
    assert fault.line == 2
    assert "measured with there; this calibration is one with here" in fault.message


def test_the_native_engine_is_said_to_sum_only_rows_that_were_read(found):
    value = framework_value("ours-native", "ours", measured_machine("native"), found)
    assert validate(FrameworkFile, Document(value, "ours-native")).sums_read_rows.value
    assert base_figures(measured_machine("native")).framework.sums_read_rows
