"""Numbers as the plan file holds them: the same digits on every machine."""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR, Context

SIGNIFICANT_DIGITS = 9
_DOWN = Context(prec=SIGNIFICANT_DIGITS, rounding=ROUND_FLOOR)


def rounded(value: float) -> float:
    """``value`` to 9 significant digits."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def rounded_down(value: float) -> float:
    """``value`` to 9 significant digits, and never more than it."""
    return float(_DOWN.create_decimal(repr(value)))


def whole_bytes(value: float) -> int:
    """Bytes rounded up, forgiving the last bits of a float sum."""
    return math.ceil(round(value, 3))


def differs(recorded: float, computed: float, relative: float = 1e-6) -> bool:
    """Whether two numbers differ by more than ``relative`` of the larger one."""
    return abs(recorded - computed) > relative * max(abs(recorded), abs(computed))
