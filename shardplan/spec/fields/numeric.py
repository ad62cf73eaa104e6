"""Telling numbers from what merely resembles them."""

from __future__ import annotations

import math
from typing import Any


def as_number(value: Any) -> float | None:
    """A finite number as float; None for all else, also for ``true`` and for text."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def as_whole(value: Any) -> int | None:
    """A whole number as int, also when written as ``4e7``; None for all else."""
    number = as_number(value)
    return int(value) if number is not None and number == math.floor(number) else None
