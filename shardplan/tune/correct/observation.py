"""What was measured under one plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.plan.decision import Decision


@dataclass(frozen=True, slots=True)
class Observation:
    """Medians over the runs of a plan."""

    decisions: tuple[Decision, ...]
    step_seconds: float
    phase_seconds: Mapping[str, float]
    """By the names of phases, of the slowest rank; of those that were timed."""
    runs: int
    noise: float
    """Relative, of the step of one run."""
