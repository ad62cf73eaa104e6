"""What to say of a plan that begins with an old one: how much it moves, and why no more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.words import words
from shardplan.units import format_bytes

if TYPE_CHECKING:
    from shardplan.plan.file.provenance import MovesInfo


_ROUNDED_UP = 1 + 1e-6
"""What objectives that are rounded may gain beyond the gap."""


def moves_line(moves: MovesInfo, objective_seconds: float, gap: float | None) -> str:
    """What moves; the budget that the bound is of, or what moving more would gain."""
    line = f"moves {format_bytes(moves.moved_bytes)} from the old plan"
    if moves.budget_bytes is not None:
        budget = format_bytes(moves.budget_bytes)
        return f"{line}; the bound is of plans that move at most {budget}"
    if moves.best is None:
        return line
    gained = objective_seconds / moves.best.objective_seconds - 1
    if gained <= 0:
        return line
    asked = f", less than the gap of {words.gap(gap)} asked for" if gap is not None else ""
    if moves.paid_over_steps is not None and gap is not None and gained > gap * _ROUNDED_UP:
        steps = words.plural(int(moves.paid_over_steps), "step")
        asked = f", which does not pay for the move in {steps}"
    more = format_bytes(moves.best.moved_bytes)
    return f"{line}; moving {more} would gain {words.gap(gained)}{asked}"
