"""Time to train: steps until the target, and evaluations in between."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A whole training to the target of a benchmark."""

    score_seconds: float
    samples: int
    """Until the target was reached."""
    evaluations: float
    evaluation_seconds: float
    """What one evaluation takes."""

    def seconds(self, step_seconds: float, global_batch: int) -> float:
        """Of this run, with steps of another length."""
        steps = self.samples / global_batch
        return steps * step_seconds + self.evaluations * self.evaluation_seconds


@dataclass(frozen=True, slots=True)
class Convergence:
    """Samples until the target is reached: ``epochs * (1 + batch / critical_batch)`` epochs.

    The form is that of McCandlish et al., "An empirical model of large-batch training", 2018.
    """

    samples_per_epoch: int
    epochs: float
    critical_batch: float
    granularity: float
    """Share of an epoch between two evaluations: the target is only noticed at one."""

    def epochs_at(self, global_batch: int) -> float:
        """Epochs until the target is reached."""
        return self.epochs * (1 + global_batch / self.critical_batch)

    def run(self, global_batch: int, evaluation_seconds: float) -> TrainingRun:
        """The training that is to be expected, with no score."""
        epochs = self.epochs_at(global_batch)
        return TrainingRun(
            score_seconds=float("nan"),
            samples=round(epochs * self.samples_per_epoch),
            evaluations=ceil(epochs / self.granularity),
            evaluation_seconds=evaluation_seconds,
        )
