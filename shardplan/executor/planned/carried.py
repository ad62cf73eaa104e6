"""Whether the spec that a plan carries is the one it was made from."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.plan.file.plan import Plan


def carried_fault(plan: Plan) -> str:
    """What of the spec inside a plan has another hash than the plan's inputs; empty if nothing.

    A plan without a spec has none to be wrong.
    """
    changed = () if plan.resolved is None else plan.inputs.changed_in(plan.resolved)
    if not changed:
        return ""
    return (
        f"the spec that it carries was changed or damaged: {', '.join(changed)} differs from its "
        "sha256 in inputs"
    )
