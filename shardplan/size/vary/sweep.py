"""Every mix of some values of some resources: what the step takes at least, and with a plan."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible, NoPlanFound
from shardplan.planning.planner import make_plan
from shardplan.size.bounds.relaxed_step import relaxed_step
from shardplan.size.crew.start import decisions_of
from shardplan.solve.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.size.bounds.step_bound import StepBound
    from shardplan.size.vary.knob import Knob
    from shardplan.solve.settings import Settings


@dataclass(frozen=True, slots=True)
class Mix:
    """One machine, and what is known of its step."""

    values: tuple[float, ...]
    """Of each knob, in their order."""
    bound: StepBound
    plan: Plan | None
    """None where none was asked for, where there is none, or none was found."""

    @property
    def step_seconds(self) -> float | None:
        """Of the plan."""
        return self.plan.prediction.step_seconds if self.plan else None


def sweep(
    case: Case,
    knobs: Sequence[Knob],
    settings: Settings | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Mix, ...]:
    """Of every combination of the knobs' values, the scarcest first, until it should stop.

    With ``settings`` each is planned too, starting from the plans of those with one value less,
    which are plans of it too: so no machine's plan is slower than that of one with less.

    Raises InputError where a machine cannot be, and Interrupted.
    """
    found: dict[tuple[int, ...], Mix] = {}
    for at in product(*(range(len(knob.values)) for knob in knobs)):
        if should_stop():
            break
        values = tuple(knob.values[n] for knob, n in zip(knobs, at, strict=True))
        changed = with_values(case, knobs, values)
        bound = relaxed_step(changed)
        plan = None
        if settings is not None and bound.seconds < float("inf"):
            plan = _planned(changed, settings, [found[less].plan for less in _less(at)])
        found[at] = Mix(values, bound, plan)
    return tuple(found.values())


def with_values(case: Case, knobs: Sequence[Knob], values: Sequence[float]) -> Case:
    """The case on a machine with these values."""
    machine = case.machine
    for knob, value in zip(knobs, values, strict=True):
        machine = knob.resource.on(machine, value)
    return case.with_(machine=machine)


def _less(at: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Where the mixes stand that have one value less."""
    for knob, number in enumerate(at):
        if number:
            yield (*at[:knob], number - 1, *at[knob + 1 :])


def _planned(case: Case, settings: Settings, known: Sequence[Plan | None]) -> Plan | None:
    """From the quickest of the plans that are known; None where none is found."""
    plans = [plan for plan in known if plan is not None]
    best = min(plans, key=lambda plan: plan.prediction.step_seconds, default=None)
    start = decisions_of(best, case) if best is not None else ()
    try:
        return make_plan(case, settings, Reporter(), start)
    except (Infeasible, NoPlanFound):
        return None
