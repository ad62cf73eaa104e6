"""What a cost-model file says of the measurements that it was fitted to."""

from __future__ import annotations

from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import BytesPerSecond, Count, Number


class ResidualFile(Border):
    """How well the file predicts what it was fitted to."""

    measurements: Count
    mean_error: Number
    """Mean of |predicted / measured - 1| (MAPE)."""
    bias: Number
    """Mean of predicted / measured - 1."""
    rank_correlation: Number
    """Spearman's."""


class CalibrationFile(Border):
    """The machine that was measured, and what was left over."""

    machine: str
    processes: Count
    libraries: dict[str, str]
    """Name to version."""
    host_to_device: BytesPerSecond | None = None
    """Measured rate of copies, for the ``host_link`` of a topology."""
    device_to_host: BytesPerSecond | None = None
    residuals: dict[str, ResidualFile]
    """By what was measured."""
