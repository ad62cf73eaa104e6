"""Numbers as the plan file holds them: the same digits on every machine."""

from __future__ import annotations

import math
from decimal import ROUND_FLOOR, Context
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGNIFICANT_DIGITS = 9
_FORGIVEN_BYTES = 0.0005
_DOWN = Context(prec=SIGNIFICANT_DIGITS, rounding=ROUND_FLOOR)


def rounded(value: float) -> float:
    """``value`` to 9 significant digits."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def rounded_down(value: float) -> float:
    """``value`` to 9 significant digits, and never more than it."""
    return float(_DOWN.create_decimal(repr(value)))


def whole_bytes(value: float) -> int:
    """Bytes rounded up, forgiving the last bits of a float sum."""
    return math.ceil(value - _FORGIVEN_BYTES)


def all_whole_bytes(values: NDArray[np.float64]) -> list[Any]:
    """The same of many, as nested lists of numbers."""
    whole: list[Any] = np.ceil(values - _FORGIVEN_BYTES).astype(np.int64).tolist()
    return whole


def differs(recorded: float, computed: float, relative: float = 1e-6) -> bool:
    """Whether two numbers differ by more than ``relative`` of the larger one."""
    return abs(recorded - computed) > relative * max(abs(recorded), abs(computed))
