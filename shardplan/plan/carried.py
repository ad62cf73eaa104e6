"""The case that a plan is of: by the spec that it carries, or by one that leaves things open."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.build_case import case_of_value
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan


def carries(plan: Plan, case: Case) -> bool:
    """Whether a plan carries the very values that a case was made of, as one just made for it does.

    There is nothing to be read again then.
    """
    theirs, own = plan.resolved, case.resolved
    return (
        theirs is not None
        and theirs.keys() == own.keys()
        and all(theirs[key] is value for key, value in own.items())
    )


def carried_case(plan: Plan, file: str) -> Case:
    """The case that a plan was made for, as it was planned; messages call the plan ``file``.

    Raises InputError with a single fault where the plan carries no spec, or none that is right:
    nobody has written it, so that more of its faults would help nobody.
    """
    if plan.resolved is None:
        message = "holds no spec of its own (key 'resolved'), by which to cost its tables"
        raise InputError([Diagnostic(file, 0, 0, "", message, code="plan")])
    try:
        return as_planned(plan, case_of_value(plan.resolved, f"{file} (resolved)"))
    except InputError as error:
        first, count = error.diagnostics[0], sum(each.count for each in error.diagnostics)
        others = f", and {count - 1:,} more faults" if count > 1 else ""
        hint = "the spec inside the plan was changed or damaged: solve again"
        message = f"{first.message}{others}"
        fault = replace(first, line=0, column=0, source_line="", message=message, hint=hint)
        raise InputError([fault]) from None


def as_planned(plan: Plan, case: Case) -> Case:
    """The case in as many groups of devices as the plan has, and with sums as it states them; what
    its spec says itself stays.

    Whatever holds a plan against its case (what memory there is, what the ranks are) asks this one:
    an open case is one of all devices. Raises InputError where the machine cannot be in such
    groups.
    """
    grouped = case.in_groups(plan.replicas.groups if plan.replicas else 1)
    return summed_as_planned(plan, grouped)


def summed_as_planned(plan: Plan, case: Case) -> Case:
    """The case with sums of data-parallel tables as the plan states them, where its spec leaves
    them open."""
    return case if plan.training is None else case.summing_by(plan.training.reduction.algorithm)
