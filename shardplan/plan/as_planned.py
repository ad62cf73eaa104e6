"""A case with what its spec leaves open as a plan has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan


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
