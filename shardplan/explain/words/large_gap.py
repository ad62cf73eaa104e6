"""A gap that is too large to be passed over: what it means, and what to try."""

from __future__ import annotations

from shardplan.explain.words import words

LARGE = 0.25
"""From here on, a plan may well be a makeshift."""


def large_gap(objective_seconds: float, lower_bound_seconds: float) -> str:
    """A sentence about a plan whose gap is large; empty for others."""
    if objective_seconds <= lower_bound_seconds * (1 + LARGE):
        return ""
    share = words.percent(lower_bound_seconds / objective_seconds)
    return (
        f"LARGE GAP: the best plan may take as little as {share} of this one's time, or the bound "
        "is that much too low; try a longer --time-limit, --resume with another --seed, or "
        "constraints that leave fewer ways to shard"
    )
