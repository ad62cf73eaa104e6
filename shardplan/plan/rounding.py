"""Numbers as the plan file holds them: the same digits on every machine."""

from __future__ import annotations

import math

SIGNIFICANT_DIGITS = 9


def rounded(value: float) -> float:
    """``value`` to 9 significant digits."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def whole_bytes(value: float) -> int:
    """Bytes rounded up, forgiving the last bits of a float sum."""
    return math.ceil(round(value, 3))


def differs(recorded: float, computed: float, relative: float = 1e-6) -> bool:
    """Whether two numbers differ by more than ``relative`` of the larger one."""
    return abs(recorded - computed) > relative * max(abs(recorded), abs(computed))
