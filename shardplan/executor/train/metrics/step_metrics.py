"""What the steps up to one took, on all ranks, beside what was predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from shardplan.cost.phases import DENSE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shardplan.executor.train.metrics.window import Window
    from shardplan.plan.file.forecast import Forecast


@dataclass(frozen=True, slots=True)
class Seconds:
    """Of a step and its phases; of each the slowest rank's."""

    step: float
    phases: Mapping[str, float]

    @classmethod
    def predicted(cls, forecast: Forecast) -> Self:
        """With the dense part among the phases, as engines measure it."""
        phases = {**forecast.phases, DENSE.name: forecast.dense_seconds}
        return cls(forecast.step_seconds, phases)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"step_seconds": self.step, "phases": dict(self.phases)}


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """Means over some steps; the last of them is ``step``, from 1."""

    step: int
    steps: int
    """That are meant."""
    loss: float
    """Of the last step, the mean over all ranks."""
    measured: Seconds
    predicted: Seconds | None
    """None where the job is not the one that was predicted."""

    @classmethod
    def of_ranks(
        cls,
        step: int,
        losses: Sequence[float],
        windows: Sequence[Window],
        predicted: Seconds | None,
    ) -> Self:
        """Of all ranks, in their order."""
        names = dict.fromkeys(name for window in windows for name in window.phases)
        phases = {name: max(window.phases.get(name, 0.0) for window in windows) for name in names}
        slowest = max(window.step_seconds for window in windows)
        loss = sum(losses) / len(losses)
        return cls(step, windows[0].steps, loss, Seconds(slowest, phases), predicted)

    def as_json(self) -> dict[str, Any]:
        """Plain values; those of the measured seconds under the keys of a measured file."""
        value = {"step": self.step, "steps": self.steps, "loss": self.loss}
        beside = {} if self.predicted is None else {"predicted": self.predicted.as_json()}
        return value | self.measured.as_json() | beside
