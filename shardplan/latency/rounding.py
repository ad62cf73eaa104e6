"""Which way seconds are rounded to the points of a lattice."""

from __future__ import annotations

from enum import StrEnum


class Rounding(StrEnum):
    """Down gives what is never above the truth, up what is never below it."""

    DOWN = "down"
    NEAREST = "nearest"
    """Halves of what lies between two points to both: the mean is kept."""
    UP = "up"
