"""Training the plans of a design, within a budget of time."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from shardplan.calibrate.measure.session import Step
from shardplan.calibrate.steps.training.step_time import StepTime

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shardplan.calibrate.steps.design.step_design import StepDesign
    from shardplan.plan.file.plan import Plan

FEWEST_PLANS = 18
"""That are trained whatever the budget: fewer do not tell the terms apart."""
_LONG_SECONDS = 120.0
_FEW_ROUNDS, _MANY_ROUNDS = 5, 9
MOST_PASSES = 4
"""Over all plans, while there is budget: what is left of noise after the last is small beside what
the form of the model leaves."""
_BATCH = 6
"""Plans that are trained in turn, and stand in memory side by side."""


def rounds_within(budget_seconds: float) -> int:
    """How often each plan is trained: medians of more are steadier, but of fewer plans."""
    return _MANY_ROUNDS if budget_seconds >= _LONG_SECONDS else _FEW_ROUNDS


class Trainer(Protocol):
    """Whoever trains."""

    def train(self, plans: Sequence[Plan], rounds: int, seed: int = 0) -> Any:
        """(rounds, plans, clocks, parts and step): seconds."""


@dataclass(frozen=True, slots=True)
class StepSession:
    """How long to train, and whom to tell."""

    budget_seconds: float
    rounds: int
    passes: int = 1
    """Times that each plan is trained at the most."""
    keep: Callable[[Sequence[StepTime]], None] = lambda found: None
    """Gets what is new at once, so that nothing is lost where a run is cut short."""
    report: Callable[[Step], None] = lambda step: None
    clock: Callable[[], float] = time.monotonic
    is_interrupted: Callable[[], bool] = lambda: False
    """Asked before each batch of plans; what is there is kept."""

    def run(
        self, design: StepDesign, trainer: Trainer, known: Iterable[StepTime] = ()
    ) -> list[StepTime]:
        """Train plans in order, pass after pass, until the budget is spent, but the first few at
        any rate.

        What is ``known`` is not trained again, and comes first.
        """
        found = list(known)
        have = Counter(each.plan for each in found)
        left = [
            plan
            for done in range(self.passes)
            for plan in range(len(design.plans))
            if have[plan] <= done
        ]
        count = len(found) + len(left)
        started = self.clock()
        while left and not self.is_interrupted():
            elapsed = self.clock() - started
            self.report(Step(len(found), count, elapsed, self.budget_seconds))
            if elapsed >= self.budget_seconds and len(found) >= FEWEST_PLANS:
                break
            chosen, left = left[:_BATCH], left[_BATCH:]
            plans = [design.plans[plan].plan() for plan in chosen]
            rounds = trainer.train(plans, self.rounds)
            times = [
                StepTime.of_rounds(plan, [each[position] for each in rounds])
                for position, plan in enumerate(chosen)
            ]
            self.keep(times)
            found += times
        return found
