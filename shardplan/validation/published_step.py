"""A step that somebody measured and published."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shardplan.spec.fields.figure import Provenance
    from shardplan.validation.device_class import DeviceClass
    from shardplan.validation.training_run import Convergence, TrainingRun
    from shardplan.validation.use import Use


@dataclass(frozen=True, slots=True)
class MeasuredStep:
    """What a step took."""

    seconds: float
    """Median over the runs."""
    lowest_seconds: float | None
    highest_seconds: float | None
    runs: int
    provenance: Provenance
    source: str


@dataclass(frozen=True, slots=True)
class PublishedStep:
    """A published step, the spec that predicts it, and what it is good for."""

    id: str
    model: str
    device: str
    """The product."""
    framework: str
    device_class: DeviceClass
    devices: int
    nodes: int
    global_batch: int
    measured: MeasuredStep
    run: TrainingRun | None
    """The training that the step is of; None where the source has no score."""
    convergence: Convergence | None
    use: Use
    reason: str
    """Why it is no check; empty where it is."""
    why: str
    """Why its prediction is off."""
    spec: dict[str, Any] | None
    """As plain values; None where the inputs are not published."""
    file: str
    """What messages call it."""
