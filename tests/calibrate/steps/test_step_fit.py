"""Coefficients that were planted are found again, from steps alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from planted_steps import (
    INDEX_BYTES,
    RANKS,
    Planted,
    PlantedTrainer,
    measured_machine,
    seconds_of,
)

from shardplan.calibrate.steps.design.drawn_plans import drawn_plans
from shardplan.calibrate.steps.fitted.step_calibration import StepCalibration
from shardplan.calibrate.steps.fitted.step_files import base_figures
from shardplan.calibrate.steps.training.step_session import StepSession
from shardplan.cost.analytic.model import AnalyticCostModel
from shardplan.errors import ShardplanError
from shardplan.plan.predict import predict
from shardplan.topology.collective import Collective
from shardplan.workload.optimizers.optimizer import Optimizer


def calibrated(design, trainer):
    times = StepSession(1e9, rounds=3).run(design, trainer)
    return StepCalibration.of(base_figures(measured_machine()), design, times)


@pytest.fixture(scope="module")
def exact(design):
    return calibrated(design, PlantedTrainer())


def predicted(plan, figures):
    """By the way on which plans are predicted, with fitted figures."""
    model = AnalyticCostModel(
        plan.case.workload, plan.case.topology, figures.profile, figures.framework
    )
    return predict(replace(plan.case, cost_model=model), plan.decisions).step_seconds


def errors_of(calibration, seed, count=25):
    """Relative errors of plans of another seed, which no calibration has seen."""
    drawn = list(drawn_plans(2, count, seed, Optimizer.SGD))
    truth = np.array([seconds_of(plan.plan(), Planted()).sum() for plan in drawn])
    return np.array([predicted(plan, calibration.figures) for plan in drawn]) / truth - 1


def test_unseen_plans_are_predicted_from_exact_steps(exact):
    assert np.abs(errors_of(exact, seed=99)).mean() < 0.03


@pytest.mark.slow
def test_noise_averages_out_and_a_disturbed_plan_in_ten_changes_little(design):
    """Each part of each round is a tenth off."""

    class Disturbed(PlantedTrainer):
        def train(self, plans, rounds, seed=0):
            before = len(self.asked)
            found = np.array(super().train(plans, rounds, seed))
            for at in range(len(plans)):
                if (before + at) % 10 == 0:
                    found[:, at] *= 2.0
            return found.tolist()

    assert np.abs(errors_of(calibrated(design, Disturbed(noise=0.1)), seed=99)).mean() < 0.06


def test_what_a_sharding_type_and_an_id_cost_is_found_again(exact):
    """Of an id all of it: what its bytes take on the wire, and what is done to it besides."""
    ids = exact.figures.terms_of("ids_comm")
    assert ids.per_group == pytest.approx(Planted.ids_per_group, rel=0.2)
    wire = exact.figures.profile.scale_up.curves[Collective.ALL_TO_ALL, RANKS].seconds_per_byte
    planted = Planted.ids_per_id + INDEX_BYTES * Planted.wire_per_byte
    assert ids.per_id + INDEX_BYTES * wire == pytest.approx(planted, rel=0.2)
    outputs = exact.figures.terms_of("output_comm")
    assert outputs.per_group == pytest.approx(Planted.output_per_group, rel=0.2)


def test_residuals_tell_of_plans_that_no_fit_has_seen(design, exact):
    assert exact.held_out_plans == sum(design.is_held_out)
    assert exact.fitted_plans == len(design.plans) - sum(design.is_held_out)
    assert exact.held_out["step"].count == exact.held_out_plans
    assert exact.held_out["step"].mean_error < 0.05


def test_too_few_plans_are_no_fit(design):
    times = StepSession(1e9, rounds=3).run(design, PlantedTrainer())[:8]
    with pytest.raises(ShardplanError, match="raise the budget"):
        StepCalibration.of(base_figures(measured_machine()), design, times)
