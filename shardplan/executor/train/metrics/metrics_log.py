"""Metrics of all ranks, gathered as steps go by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from shardplan.executor.train.metrics.step_metrics import StepMetrics
from shardplan.executor.train.metrics.window import Window

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.train.job import Job
    from shardplan.executor.train.measurement import RankMeasurement
    from shardplan.executor.train.metrics.step_metrics import Seconds

_WHAT = "the exchange of metrics"


class Sink(Protocol):
    """Where metrics go."""

    def put(self, metrics: StepMetrics) -> None:
        """Take those of some steps."""

    def close(self) -> None:
        """No more come."""


class MetricsLog:
    """Tells sinks, on rank 0, what steps take."""

    def __init__(
        self, job: Job, sinks: Sequence[Sink], every: int, predicted: Seconds | None
    ) -> None:
        """Every so many steps; the same on every rank, of which only rank 0 has sinks."""
        self._job, self._sinks = job, sinks
        self._every, self._predicted = every, predicted
        self._before: RankMeasurement | None = None

    def is_due(self, step: int, is_last: bool) -> bool:
        """Whether ``tell`` is to follow this step, on all ranks."""
        return is_last or step % self._every == 0

    def tell(self, step: int, loss: Any, now: RankMeasurement) -> None:
        """Gather and tell: a collective. ``now`` is what the engine measured since it began."""
        window = Window.between(self._before, now)
        self._before = now
        if window.steps == 0:
            return
        gathered = self._job.gather((float(loss), window), _WHAT)
        if self._sinks:
            losses, windows = zip(*gathered, strict=True)
            metrics = StepMetrics.of_ranks(step, losses, windows, self._predicted)
            for sink in self._sinks:
                sink.put(metrics)

    def begin_again(self) -> None:
        """The engine measures from here on."""
        self._before = None

    def close(self) -> None:
        """Training is over."""
        for sink in self._sinks:
            sink.close()
