"""Every mix of some values of some resources: what the step takes at least, and with a plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING

from shardplan.size.bounds.relaxed_step import relaxed_step
from shardplan.size.vary.known_plans import KnownPlans

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
    known: KnownPlans | None = None,
) -> tuple[Mix, ...]:
    """Of every combination of the knobs' values, the scarcest first, until it should stop.

    With ``settings`` each is planned too, starting from the best plan that is ``known`` of machines
    with no more of anything, which is one of it too: so no machine's plan is slower than that of
    one with less.

    Raises InputError where a machine cannot be.
    """
    known = known or KnownPlans()
    found: list[Mix] = []
    for values in product(*(knob.values for knob in knobs)):
        if should_stop():
            break
        changed = with_values(case, knobs, values)
        bound = relaxed_step(changed)
        plan = None
        if settings is not None and bound.seconds < float("inf"):
            plan = known.solved(changed, settings)
        found.append(Mix(values, bound, plan))
    return tuple(found)


def settled(
    case: Case,
    knobs: Sequence[Knob],
    mixes: Sequence[Mix],
    settings: Settings,
    known: KnownPlans,
) -> Iterator[Mix]:
    """The mixes with the best plans that are known by now, of their machines and of lesser ones."""
    for mix in mixes:
        changed = with_values(case, knobs, mix.values) if mix.plan else None
        best = known.best(changed) if changed else None
        if changed and mix.plan and best and _is_quicker(best, mix.plan):
            plan = known.solved(changed, settings)
            yield replace(mix, plan=plan) if plan and _is_quicker(plan, mix.plan) else mix
        else:
            yield mix


def _is_quicker(plan: Plan, other: Plan) -> bool:
    return plan.prediction.step_seconds < other.prediction.step_seconds


def with_values(case: Case, knobs: Sequence[Knob], values: Sequence[float]) -> Case:
    """The case on a machine with these values."""
    machine = case.machine
    for knob, value in zip(knobs, values, strict=True):
        machine = knob.resource.on(machine, value)
    return case.with_(machine=machine)
