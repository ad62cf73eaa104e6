"""Fitted figures as a cost-model file has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.units import exact_rate, exact_seconds

if TYPE_CHECKING:
    from shardplan.cost.profile.profile import LookupRates

NOTHING = {"provenance": "estimated", "source": "nothing_left"}
"""Of what a fit left nothing for."""


def seconds_figure(value: float, origin: dict[str, Any]) -> dict[str, Any]:
    """A figure of seconds; of none at all, one that the fit left nothing for."""
    return {"value": time_text(value), **(origin if value else NOTHING)}


def rate_figure(seconds_per_byte: float, origin: dict[str, Any]) -> dict[str, Any]:
    """A figure of bytes per second."""
    return {"value": exact_rate(short(1 / seconds_per_byte)), **origin}


def rates_value(rates: LookupRates, origin: dict[str, Any]) -> dict[str, Any]:
    """The rates of a fused kernel in one tier; those of nothing are left out."""
    seconds = {
        "per_table": rates.per_table,
        "per_id": rates.per_id,
        "per_fetch": rates.per_fetch,
        "per_unique_row": rates.per_unique_row,
    }
    per_byte = {
        "read": rates.per_read_byte,
        "cached_read": rates.per_cached_byte,
        "unique": rates.per_unique_byte,
        "output": rates.per_output_byte,
        "gather": rates.per_gathered_byte,
    }
    found = {name: seconds_figure(value, origin) for name, value in seconds.items() if value > 0}
    found |= {name: rate_figure(value, origin) for name, value in per_byte.items() if value > 0}
    return {"cached_read": {"value": "free", **NOTHING}} | found


def time_text(seconds: float) -> str:
    """With four digits, which is more than a measurement is worth."""
    return exact_seconds(short(seconds))


def short(value: float) -> float:
    """Four digits of it."""
    return float(f"{value:.4g}")
