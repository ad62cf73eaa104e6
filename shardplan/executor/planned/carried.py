"""Whether a plan is the one that was made from the spec that it carries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.plan.stated import stated_faults

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.plan import Plan


def carried_faults(plan: Plan) -> Iterator[tuple[str, str]]:
    """Where a plan and the spec inside it are not of one another, and how.

    Either the spec has another hash than the plan's inputs, or what the plan states of its tables,
    its job and its devices is not what that spec says. A plan without a spec has none to be wrong.
    """
    changed = () if plan.resolved is None else plan.inputs.changed_in(plan.resolved)
    if changed:
        yield (
            "resolved",
            f"the spec that it carries was changed or damaged: {', '.join(changed)} differs from "
            "its sha256 in inputs",
        )
        return
    for finding in stated_faults(plan):
        yield finding.where, finding.message
