"""What twice of a resource does to plans, not only to bounds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.plan.file.optimality import Termination
from shardplan.size.vary.resource import Resource

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.size.vary.known_plans import KnownPlans
    from shardplan.size.vary.marginal import MarginalValue
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.settings import Settings

_MOST_SHARDS = 512
"""Tables x devices of the cases that are solved: of more, a solve takes long and leaves a gap."""
_STILL = 1e-9
"""Relative: bounds that differ by less are the same."""


@dataclass(frozen=True, slots=True)
class SolvedTwice:
    """A machine and the same with twice of a resource, or half of a latency, both solved."""

    path: str
    step_seconds: float
    """Of the machine's plan."""
    twice_seconds: float
    """Of the plan with twice the resource."""
    least_twice_seconds: float
    """What no plan with twice the resource is below."""
    least_change: float
    """Between the best plans of both, by the bounds of both: -0.05 is at most 5% less ..."""
    most_change: float
    """... and -0.03 at least 3% less; never above 0."""

    @property
    def change(self) -> float:
        """Of the plans: -0.036 is 3.6% less."""
        return self.twice_seconds / self.step_seconds - 1


def solved_twice(
    case: Case, marginal: Sequence[MarginalValue], known: KnownPlans, settings: Settings
) -> tuple[SolvedTwice, ...]:
    """Of the resources whose bound moves, within the time of one solve; none of large cases, nor of
    solves that the clock ends."""
    if len(case.workload.tables) * case.topology.world.size > _MOST_SHARDS:
        return ()
    return tuple(_solved(case, marginal, known, settings, settings.deadline()))


def _solved(
    case: Case,
    marginal: Sequence[MarginalValue],
    known: KnownPlans,
    settings: Settings,
    deadline: Deadline,
) -> Iterator[SolvedTwice]:
    moved = [each for each in marginal if each.twice < -_STILL]
    plan = known.solved(case, settings.until(deadline)) if moved else None
    if plan is None or _is_cut_off(plan) or not plan.prediction.step_seconds:
        return
    for each in moved:
        if deadline.is_over:
            return
        try:
            more = Resource.named(case.machine, each.path).in_case(case, each.twice_value)
        except InputError:
            continue
        found = known.solved(more, settings.until(deadline))
        if found is not None and not _is_cut_off(found):
            yield _compared(each, plan, found)


def _compared(each: MarginalValue, plan: Plan, more: Plan) -> SolvedTwice:
    step, twice = plan.prediction.step_seconds, more.prediction.step_seconds
    least = min(max(plan.optimality.lower_bound_seconds, each.step_seconds), step)
    least_twice = min(max(more.optimality.lower_bound_seconds, each.twice_seconds), twice)
    return SolvedTwice(
        each.path,
        step,
        twice,
        least_twice,
        least_change=min(least_twice / step - 1, 0.0),
        most_change=min(twice / least - 1, 0.0) if least else 0.0,
    )


def _is_cut_off(plan: Plan) -> bool:
    return plan.optimality.termination in (Termination.TIME_LIMIT, Termination.INTERRUPTED)
