"""Metrics as scalars of TensorBoard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    from shardplan.executor.train.metrics.step_metrics import Seconds, StepMetrics


class TensorBoard:
    """A phase's measured and predicted seconds side by side, under its name."""

    def __init__(self, writer: Any) -> None:
        """A ``SummaryWriter``."""
        self._writer = writer

    @classmethod
    def in_folder(cls, folder: Path, first_step: int) -> Self:
        """From ``first_step`` on; what an earlier run told of it or later is no longer shown.

        Raises InputError where TensorBoard is not installed.
        """
        return cls(summary_writer()(str(folder), purge_step=first_step))

    def put(self, metrics: StepMetrics) -> None:
        """Add a point to each curve."""
        self._writer.add_scalar("loss/mean", metrics.loss, metrics.step)
        self._put(metrics.measured, "measured", metrics.step)
        if metrics.predicted is not None:
            self._put(metrics.predicted, "predicted", metrics.step)
        self._writer.flush()

    def close(self) -> None:
        """No more points come."""
        self._writer.close()

    def _put(self, seconds: Seconds, which: str, step: int) -> None:
        self._writer.add_scalar(f"step/{which}", seconds.step, step)
        for name, each in seconds.phases.items():
            self._writer.add_scalar(f"{name}/{which}", each, step)


def summary_writer() -> Any:
    """PyTorch's class of that name. Raises InputError where TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        message = f"TensorBoard's files cannot be written: {error}"
        hint = "pip install tensorboard, or take --metrics FILE, which needs nothing"
        fault = Diagnostic("--tensorboard", 0, 0, "", message, hint, code="environment")
        raise InputError([fault]) from None
    return SummaryWriter
