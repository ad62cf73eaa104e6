"""Dynamic tables, which no engine here runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.plan import Plan

DYNAMIC_HINT = "shardplan convert writes its options for dynamicemb, which runs them"
_MOST = 5
"""Tables that a message names."""


def dynamic_faults(plan: Plan) -> Iterator[tuple[str, str]]:
    """Where the plan has dynamic tables, and which: one fault for all of a module."""
    for module, entries in plan.plan.items():
        names = [
            name
            for name, entry in entries.items()
            if entry.compute_kernel.is_dynamic or entry.dynamic is not None
        ]
        if names:
            more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
            which = ", ".join(names[:_MOST]) + more
            are = "is a dynamic table" if len(names) == 1 else "are dynamic tables"
            yield f"plan.{module}", f"{which} {are}: no engine of shardplan runs such"
