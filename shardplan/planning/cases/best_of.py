"""The best plan of several cases that only together are the one that was asked for."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible, Interrupted, NoPlanFound, ShardplanError
from shardplan.plan.file.optimality import OPTIMAL_GAP, Optimality, Status, Termination, gap_of
from shardplan.solve.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.outcome import Outcome
    from shardplan.solve.settings import Settings

_CUT_OFF = (Termination.INTERRUPTED, Termination.TIME_LIMIT, Termination.NODE_LIMIT)
"""What may have kept a case from being planned better."""


def best_of(
    cases: Sequence[Case],
    make: Callable[[Case, Settings, Reporter, Callable[[Plan], None] | None], Plan],
    settings: Settings,
    reporter: Reporter,
    on_plan: Callable[[Plan], None] | None,
) -> Plan:
    """The fastest of their plans, with the bound that holds for all of them.

    A case is left as soon as its bound says that it has no faster plan than those before.

    Raises Infeasible where none has a plan, and NoPlanFound or Interrupted where none was found.
    """
    started, race = time.monotonic(), _Race(settings.gap)
    deadline = settings.deadline()
    for number, case in enumerate(cases):
        share = deadline.within(deadline.seconds_left / (len(cases) - number))
        hears = _Unproven(reporter)
        limited = replace(settings.until(share), should_stop=race.stopping(hears, settings))
        tell = race.telling(on_plan, is_last=number == len(cases) - 1) if on_plan else None
        try:
            plan = make(case, limited, hears, tell)
            if not race.beats(hears):
                race.take(plan)
        except ShardplanError as error:
            if not race.beats(hears):
                race.fail(error)
        if settings.should_stop() and number < len(cases) - 1:
            race.fail(Interrupted("interrupted before all cases were planned"))
            break
    return race.finished(time.monotonic() - started)


@dataclass(slots=True)
class _Race:
    """Plans of some cases so far."""

    gap: float
    plans: list[Plan] = field(default_factory=list)
    failures: list[ShardplanError] = field(default_factory=list)
    cut_off: Termination | None = None
    """Why a case was not planned; None where all were, or have no plan."""

    @property
    def best(self) -> Plan | None:
        """The fastest; of equally fast ones the first."""
        return min(self.plans, key=_objective, default=None)

    @property
    def is_unproven(self) -> bool:
        """Whether a case may have better plans of which nothing is known."""
        return any(not isinstance(each, Infeasible) for each in self.failures)

    def beats(self, hears: _Unproven) -> bool:
        """Whether a case has no faster plan than the best so far."""
        return self.best is not None and hears.lower_bound >= _objective(self.best)

    def stopping(self, hears: _Unproven, settings: Settings) -> Callable[[], bool]:
        """Whether to go on with a case."""
        return lambda: settings.should_stop() or self.beats(hears)

    def take(self, plan: Plan) -> None:
        """One more plan."""
        self.plans.append(plan)

    def fail(self, error: ShardplanError) -> None:
        """A case without a plan; raises what is no answer to it."""
        if not isinstance(error, Infeasible | NoPlanFound | Interrupted):
            raise error
        if isinstance(error, Interrupted):
            self.cut_off = Termination.INTERRUPTED
        elif isinstance(error, NoPlanFound):
            self.cut_off = self.cut_off or Termination.TIME_LIMIT
        self.failures.append(error)

    def telling(self, on_plan: Callable[[Plan], None], is_last: bool) -> Callable[[Plan], None]:
        """Pass on what is faster than all so far, with a bound that holds for all cases."""

        def tell(plan: Plan) -> None:
            if self.best is None or _objective(plan) < _objective(self.best):
                on_plan(self._told(plan, [*self.plans, plan], not is_last or self.is_unproven))

        return tell

    def finished(self, elapsed_seconds: float) -> Plan:
        """The best plan; raises the first failure where there is none."""
        best = self.best
        if best is None:
            unsolved = [each for each in self.failures if not isinstance(each, Infeasible)]
            raise (unsolved or self.failures)[0]
        run = best.run.model_copy(update={"elapsed_seconds": elapsed_seconds})
        told = self._told(best, self.plans, self.is_unproven)
        return told.model_copy(update={"run": run})

    def _told(self, plan: Plan, plans: Sequence[Plan], is_unproven: bool) -> Plan:
        """A plan with what is proven of all ``plans``, or nothing."""
        own = plan.optimality
        loosest = min(
            (each.optimality for each in plans), key=lambda each: each.lower_bound_seconds
        )
        seconds = own.objective_seconds
        lower = 0.0 if is_unproven else min(loosest.lower_bound_seconds, seconds)
        gap = gap_of(seconds, lower)
        status = Status.FEASIBLE
        if gap is not None and gap <= self.gap:
            status = Status.OPTIMAL if gap <= OPTIMAL_GAP / 2 else Status.WITHIN_GAP
        ended = [each.optimality.termination for each in plans]
        ended += [self.cut_off] if self.cut_off else []
        cut_off = next((each for each in _CUT_OFF if each in ended), own.termination)
        termination = {Status.FEASIBLE: cut_off, Status.WITHIN_GAP: Termination.GAP}
        claim = Optimality.of(
            own.objective,
            seconds,
            lower,
            bound=loosest.bound if lower else "none",
            status=status,
            termination=termination.get(status, own.termination),
        )
        return plan.model_copy(update={"optimality": claim})


def _objective(plan: Plan) -> float:
    return plan.optimality.objective_seconds


@dataclass(slots=True)
class _Unproven(Reporter):
    """Passes on all but bounds: what is proven of one case is not proven of all cases."""

    reporter: Reporter
    lower_bound: float = 0.0
    """Of the case."""

    def starting(self, stage: str) -> None:
        """Pass it on."""
        self.reporter.starting(stage)

    def improved(self, objective_seconds: float, method: str) -> None:
        """Pass it on."""
        self.reporter.improved(objective_seconds, method)

    def found(self, outcome: Callable[[], Outcome]) -> None:
        """Pass it on without its bound."""
        self.reporter.found(lambda: replace(outcome(), lower_bound=0.0, bound="none"))

    def bounded(self, lower_bound_seconds: float, method: str) -> None:
        """Remember it."""
        self.lower_bound = lower_bound_seconds

    def ticking(self) -> None:
        """Pass it on."""
        self.reporter.ticking()
