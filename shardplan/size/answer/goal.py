"""What is minimised."""

from enum import StrEnum


class Goal(StrEnum):
    """What is minimised."""

    TIME = "time"
    COST = "cost"
