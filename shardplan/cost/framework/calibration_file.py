"""What a framework file says of the training steps that it was fitted to."""

from __future__ import annotations

from shardplan.cost.profile.calibration_file import ResidualFile
from shardplan.spec.fields.border import Border
from shardplan.spec.fields.quantities import Count


class FrameworkCalibrationFile(Border):
    """The steps that were trained, and what was left over."""

    machine: str
    processes: Count
    engine: str
    optimizer: str
    cost_model: str
    """The cost model that was fitted to the same steps; with another one these terms mean less."""
    libraries: dict[str, str]
    """Name to version."""
    fitted_plans: Count
    held_out_plans: Count
    """That had no share in the fit."""
    residuals: dict[str, ResidualFile]
    """By part of the step, of the plans that were fitted to, and of those held out."""
