"""What a machine is chosen for."""

from enum import StrEnum


class Goal(StrEnum):
    """What is minimised."""

    TIME = "time"
    """Of all samples, with all else that takes time."""
    COST = "cost"
    """Of the same, in money; in device hours where no machine has a price."""
