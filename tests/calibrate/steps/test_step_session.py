"""Plans are trained within a budget, most telling first, and never twice."""

from __future__ import annotations

import pytest
from planted_steps import PlantedTrainer

from shardplan.calibrate.steps.training.step_session import FEWEST_PLANS, StepSession
from shardplan.calibrate.steps.training.step_time import by_plan


def ticking(seconds: float):
    """A clock that is read once for the start, and once for each batch of plans."""
    times = iter(range(10**6))
    return lambda: seconds * next(times)


def test_the_budget_ends_a_run(design):
    """At 10 s a batch of six, 45 s are five batches: the last begins before the end."""
    trainer = PlantedTrainer()
    found = StepSession(45.0, 3, clock=ticking(10.0)).run(design, trainer)
    assert [each.plan for each in found] == list(range(24))


def test_the_first_plans_are_trained_whatever_the_budget(design):
    found = StepSession(0.0, 3, clock=ticking(10.0)).run(design, PlantedTrainer())
    assert len(found) == FEWEST_PLANS


def test_a_run_goes_on_where_another_stopped(design):
    kept = []
    first = StepSession(0.0, 3, keep=kept.extend, clock=ticking(1.0))
    first.run(design, PlantedTrainer())
    trainer = PlantedTrainer()
    found = StepSession(1e9, 3).run(design, trainer, kept)
    assert found[: len(kept)] == kept
    assert [each.plan for each in found] == list(range(len(design.plans)))
    assert trainer.asked == [plan.name for plan in design.plans[len(kept) :]]


def test_who_interrupts_keeps_what_is_there(design):
    asked = iter([False, False, True])
    session = StepSession(1e9, 3, is_interrupted=lambda: next(asked))
    assert len(session.run(design, PlantedTrainer())) == 12


def test_a_step_is_the_median_of_its_rounds(design):
    class Once(PlantedTrainer):
        def train(self, plans, rounds, seed=0):
            found = super().train(plans, rounds, seed)
            found[0] = [[[9.0] * 4, [9.0] * 4] for _ in plans]
            return found

    plain = StepSession(0.0, 5, clock=ticking(1.0)).run(design, PlantedTrainer())
    disturbed = StepSession(0.0, 5, clock=ticking(1.0)).run(design, Once())
    for one, other in zip(plain, disturbed, strict=True):
        assert other.step_seconds == pytest.approx(one.step_seconds)
        assert sum(one.part_seconds) == pytest.approx(one.step_seconds)


def test_what_is_left_of_the_budget_goes_into_training_all_plans_again(design):
    found = StepSession(1e9, 3, passes=2).run(design, PlantedTrainer(noise=0.1))
    assert [each.plan for each in found] == 2 * list(range(len(design.plans)))
    means = by_plan(found)
    assert [each.plan for each in means] == list(range(len(design.plans)))
    both = [each.step_seconds for each in found if each.plan == 5]
    assert means[5].step_seconds == pytest.approx(sum(both) / 2)
