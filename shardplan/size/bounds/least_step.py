"""A bound on the step of a case in closed form, in milliseconds and without a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.planning.cases.open_cases import open_cases
from shardplan.size.bounds.optimum import Optimum, constant_step

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.size.bounds.step_bound import StepBound


def least_step(case: Case) -> StepBound:
    """What no plan of a case can beat.

    Each phase ends with its slowest device, which bears at least the mean of all of them, and a
    chain of phases takes at least the sum of their means. Over all plans that is least where every
    table takes the option that adds least, as far as all memories together have room for these. It
    holds for the step also where the case minimises something else, and with constraints that keep
    tables together or apart, which it does not look at.
    """
    return min((_least_step(each) for each in open_cases(case)), key=lambda found: found.seconds)


def _least_step(case: Case) -> StepBound:
    """Of a case that leaves nothing open but the placement."""
    optimum = Optimum.of(case)
    return constant_step(case) if optimum is None else optimum.bound
