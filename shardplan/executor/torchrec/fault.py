"""One thing that keeps a plan from running here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan


def fault(plan: Plan, where: str, message: str, hint: str) -> Diagnostic:
    """What is wrong at a place of the plan, and what to do about it."""
    return Diagnostic(plan.name, 0, 0, where, message, hint, code="executor")
