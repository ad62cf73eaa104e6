"""What a plan minimises."""

from __future__ import annotations

from enum import StrEnum


class Objective(StrEnum):
    """The two objectives."""

    STEP_TIME = "step_time"
    """The time of a step: every phase ends when its slowest device ends."""
    BALANCE = "balance"
    """TorchRec's: the largest sum over phases of any one device."""
