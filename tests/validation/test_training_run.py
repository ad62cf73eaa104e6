"""Time to train, by hand."""

from __future__ import annotations

import pytest

from shardplan.validation.published_steps import published_steps
from shardplan.validation.training_run import Convergence

EPOCHS = {32768: 0.707, 55296: 0.763, 65536: 0.793, 102400: 0.89, 135168: 0.928}
"""Mean epochs to the target by global batch (mlcommons/logging, rcps_dlrm_dcnv2.json)."""


def steps_with_scores():
    return [step for step in published_steps() if step.run and step.convergence]


def test_a_run_is_its_steps_and_its_evaluations():
    """8 H100, round 3.0: 3,145,969,731 samples in steps of 55,296, 15 evaluations of 1.982 s."""
    (step,) = [one for one in steps_with_scores() if one.id == "dcnv2-h100x8-v3.0"]
    by_hand = 3_145_969_731 / 55_296 * 3.8104e-3 + 15 * 1.982
    assert step.run.seconds(3.8104e-3, 55_296) == pytest.approx(by_hand)
    assert by_hand / 60 == pytest.approx(4.11, abs=0.005)


def test_every_score_of_dcnv2_is_rebuilt_from_its_measured_step_within_five_percent():
    found = steps_with_scores()
    assert len(found) == 16
    for step in found:
        rebuilt = step.run.seconds(step.measured.seconds, step.global_batch)
        assert rebuilt == pytest.approx(step.run.score_seconds, rel=0.05)


def test_the_convergence_meets_the_mean_epochs_of_five_batches():
    (known,) = {step.convergence for step in steps_with_scores()}
    for batch, epochs in EPOCHS.items():
        assert known.epochs_at(batch) == pytest.approx(epochs, abs=0.021)


def test_an_expected_run_evaluates_until_the_target_is_seen():
    known = Convergence(samples_per_epoch=1000, epochs=0.5, critical_batch=100, granularity=0.2)
    run = known.run(global_batch=50, evaluation_seconds=3)
    assert run.samples == 750  # 0.5 * (1 + 50 / 100) epochs
    assert run.evaluations == 4  # at 0.2, 0.4, 0.6 and 0.8 epochs
    assert run.seconds(0.1, 50) == pytest.approx(750 / 50 * 0.1 + 4 * 3)
