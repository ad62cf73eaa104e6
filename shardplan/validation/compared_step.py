"""A published step beside its prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import Infeasible, InputError
from shardplan.validation.predicted_step import PredictedStep

if TYPE_CHECKING:
    from shardplan.validation.published_step import PublishedStep


@dataclass(frozen=True, slots=True)
class ComparedStep:
    """A published step beside its prediction."""

    published: PublishedStep
    predicted: PredictedStep | None
    """None where the inputs are not published."""

    @classmethod
    def of(cls, step: PublishedStep) -> ComparedStep:
        """Predict a step; raises InputError, also for tables that do not fit: they did."""
        if step.spec is None:
            return cls(step, None)
        name = f"{step.file} ({step.id})"
        try:
            return cls(step, PredictedStep.of(step.spec, name))
        except Infeasible as error:
            hint = "give it the machine, formats and constraints that it ran with"
            raise InputError([Diagnostic(name, 0, 0, "spec", str(error), hint)]) from None

    @property
    def error(self) -> float | None:
        """``predicted / measured - 1``; None where nothing is predicted."""
        if self.predicted is None:
            return None
        return self.predicted.seconds / self.published.measured.seconds - 1

    @property
    def train_seconds(self) -> float | None:
        """Time to train with the predicted step, as the model's convergence has it.

        Evaluations take what they took: they are not predicted. None where the source has no score
        or nothing is known of the convergence.
        """
        step, predicted = self.published, self.predicted
        if step.run is None or step.convergence is None or predicted is None:
            return None
        batch = step.global_batch
        expected = step.convergence.run(batch, step.run.evaluation_seconds)
        return expected.seconds(predicted.seconds, batch)

    @property
    def rebuilt_seconds(self) -> float | None:
        """Time to train from the measured step, samples and evaluations: what is left unexplained.

        None where the source has no score.
        """
        step = self.published
        if step.run is None:
            return None
        return step.run.seconds(step.measured.seconds, step.global_batch)
