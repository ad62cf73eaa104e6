"""One candidate, solved."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible, InputError, Interrupted, NoPlanFound, ShardplanError
from shardplan.plan.file.optimality import Termination
from shardplan.planning.planner import make_plan
from shardplan.size.answer.take_apart import take_apart
from shardplan.size.crew.start import Start, decisions_of
from shardplan.solve.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.case import Case
    from shardplan.errors import Shortfall
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.size.answer.anatomy import Anatomy
    from shardplan.size.crew.solve_limits import SolveLimits
    from shardplan.solve.settings import Settings


@dataclass(frozen=True, eq=False, slots=True)
class Job:
    """What is to be planned; it can be sent to another process."""

    case: Case
    limits: SolveLimits
    start: Start
    """What is known of it, or of one like it."""


@dataclass(frozen=True, eq=False, slots=True)
class Solved:
    """A plan, and what it is made of."""

    plan: Plan
    anatomy: Anatomy

    @property
    def step_seconds(self) -> float:
        """What its step takes."""
        return self.plan.prediction.step_seconds

    @property
    def bound_seconds(self) -> float:
        """What no plan's step is shorter than."""
        return self.plan.optimality.lower_bound_seconds

    @property
    def is_cut_off(self) -> bool:
        """Whether the clock ended the solve, which might have found more."""
        return self.plan.optimality.termination is Termination.TIME_LIMIT


@dataclass(frozen=True, slots=True)
class NoPlan:
    """It is proven that there is none."""

    shortfalls: tuple[Shortfall, ...] = ()
    facts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unfound:
    """The limits ended the solve with neither a plan nor that proof."""


Result = Solved | NoPlan | Unfound


def run(job: Job, should_stop: Callable[[], bool] = lambda: False) -> Result:
    """Plan a candidate; what is an answer to that is no error."""
    settings = job.limits.settings(should_stop)
    try:
        plan = make_plan(job.case, settings, Reporter(), _begin(job, settings))
    except Infeasible as error:
        return NoPlan(error.shortfalls, error.facts)
    except InputError as error:
        return NoPlan(facts=tuple(each.message for each in error.diagnostics))
    except (NoPlanFound, Interrupted):
        return Unfound()
    return Solved(plan, take_apart(plan, job.case))


def _begin(job: Job, settings: Settings) -> tuple[Decision, ...]:
    """The decisions to begin with: of a plan that cuts tables as that of a neighbour does, where
    there is such a plan."""
    if not job.start.alike:
        return job.start.decisions
    case = job.case.demanding(*job.start.alike)
    limited = replace(settings, method="greedy", time_limit_seconds=settings.time_limit_seconds / 4)
    with suppress(ShardplanError):
        return decisions_of(make_plan(case, limited, Reporter()), job.case)
    return ()
