"""Bytes of the tiers of memory in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.units import format_bytes

if TYPE_CHECKING:
    from shardplan.explain.numbers.explanation import TierBytes, TierUse


def use_words(tier: TierUse) -> str:
    """``63.1 GiB of 68.0 GiB``."""
    return f"{format_bytes(tier.used_bytes)} of {format_bytes(tier.usable_bytes)}"


def tier_words(held: TierBytes) -> str:
    """``1.0 GiB hbm + 2.0 GiB ddr``, without tiers that hold nothing."""
    named = (("hbm", held.hbm), ("ddr", held.ddr), ("ssd", held.ssd))
    return " + ".join(f"{format_bytes(size)} {name}" for name, size in named if size) or "0 B"
