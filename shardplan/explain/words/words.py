"""Numbers as reports show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.units import format_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

_LARGE_GAP = 10.0
"""As a factor over the bound, larger ones say more than as a percentage."""
_SMALL_GAP = 0.1
_MOST_NAMES = 3


def seconds(value: float) -> str:
    """``5.91 ms``; ``-`` for nothing."""
    return format_seconds(value) if value else "-"


def rate(samples_per_second: float | None) -> str:
    """``12.7 M samples/s``; ``-`` where it is unknown."""
    if samples_per_second is None:
        return "-"
    for prefix, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if samples_per_second >= 0.9995 * scale:
            return f"{_three(samples_per_second / scale)} {prefix} samples/s"
    return f"{_three(samples_per_second)} samples/s"


def _three(value: float) -> str:
    """Three digits, without an exponent."""
    text = f"{value:.3g}"
    return f"{value:.0f}" if "e" in text else text


def percent(fraction: float) -> str:
    """``11.5%``."""
    return f"{100 * fraction:.1f}%"


def gap(fraction: float | None) -> str:
    """A gap: to two digits where it is small, as a factor where it is very large."""
    if fraction is None:
        return "unknown"
    if fraction > _LARGE_GAP:
        return f"x{1 + fraction:,.0f} the bound"
    return f"{100 * fraction:.2f}%" if abs(fraction) < _SMALL_GAP else percent(fraction)


def rank(value: int | None) -> str:
    """``rank 3``; ``all`` where no device stands out."""
    return "all" if value is None else f"rank {value}"


def plural(count: int, noun: str) -> str:
    """``1 table``, ``26 tables``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def name_some(names: Sequence[str]) -> str:
    """``t_1, t_2, t_3 and 5 more``."""
    shown, more = ", ".join(names[:_MOST_NAMES]), len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
