"""What other machines than those that exist would do: the question as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.size.bounds.relaxed_step import relaxed_step
from shardplan.size.bounds.step_bound import StepBound
from shardplan.size.vary.balanced import Balanced, balanced, cost_of
from shardplan.size.vary.behind import Behind, behind
from shardplan.size.vary.knob import Knob, path_of
from shardplan.size.vary.known_plans import KnownPlans
from shardplan.size.vary.marginal import MarginalValue, marginal_values
from shardplan.size.vary.resource import OPTION, resources_of
from shardplan.size.vary.sweep import settled, sweep
from shardplan.size.vary.twice import SolvedTwice, solved_twice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shardplan.case import Case
    from shardplan.size.space.space import Space
    from shardplan.size.vary.sweep import Mix
    from shardplan.solve.settings import Settings

FORMAT_VERSION = "1.0"
"""Of the answer as JSON: the major number changes when old readers would misread it."""
_MOST_CANDIDATES = 32
"""Machines, with their nodes and batches, that are varied at once."""


@dataclass(frozen=True, slots=True)
class MixOfMachine:
    """One mix of values."""

    values: tuple[float, ...]
    """In SI units, in the order of the resources that are varied."""
    words: tuple[str, ...]
    """The same as people write them."""
    bound_seconds: float | None
    """No plan's step is shorter; None where there is no plan."""
    step_seconds: float | None
    """Of the plan; None where none was asked for, or found."""
    cost: float | None
    """Of all values that have a price; None where none has."""


@dataclass(frozen=True, slots=True)
class VariedMachine:
    """A candidate, and what machines beside it would do."""

    candidate: str
    least_seconds: float | None
    """No plan's step is shorter on the machine as it is; None where there is no plan."""
    parts: dict[str, float]
    """What that is made of, in seconds by part of the step."""
    marginal: tuple[MarginalValue, ...]
    """Of every resource, by the bounds of the step, what helps most first."""
    solved: tuple[SolvedTwice, ...]
    """Of some of these, by plans; empty where no solve was asked for, or none is cheap."""
    varied: tuple[str, ...]
    """Paths of the resources that are varied."""
    mixes: tuple[MixOfMachine, ...]
    balanced: Balanced | None
    """The best mix within the budget; None where no budget was given, or nothing fits it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Varied:
    """The answer."""

    format_version: str = FORMAT_VERSION
    name: str
    """The spec's."""
    budget: float | None
    machines: tuple[VariedMachine, ...]
    behind: tuple[Behind, ...]
    """Of machines that are compared, those that others are quicker than, and why."""


def vary(
    space: Space,
    texts: Sequence[str],
    settings: Settings | None = None,
    budget: float | None = None,
    should_stop: Callable[[], bool] = lambda: False,
    in_full: Settings | None = None,
) -> Varied:
    """Every candidate of a space with every mix of what the ``texts`` say, as ``Knob.parse`` reads
    them; those are left out that a machine does not have.

    With ``settings`` each mix is planned, too; with ``in_full`` small cases are solved, also with
    twice of each resource, within the time of one solve together. Ends early once it should stop.

    Raises InputError for texts that no machine knows what to do with, for a budget where a text has
    no price, and for too many candidates.
    """
    every = _candidates(space)
    for text in texts:
        if not any(path_of(text) in resources_of(case.machine) for _, case in every):
            Knob.parse(every[0][1].machine, text)  # Says why.
    found = tuple(
        _varied(name, case, texts, (settings, in_full), budget, should_stop)
        for name, case in every
        if not should_stop()
    )
    slower = () if should_stop() else tuple(behind(space))
    return Varied(name=space.name, budget=budget, machines=found, behind=slower)


def _candidates(space: Space) -> list[tuple[str, Case]]:
    if len(space.candidates) > _MOST_CANDIDATES:
        message = f"would vary {len(space.candidates):,} candidates"
        hint = f"at most {_MOST_CANDIDATES}: give fewer nodes, batches or groups"
        raise InputError([Diagnostic(OPTION, 1, 1, "size", message, hint)])
    return [(space.design(each).words, space.case(each)) for each in space.candidates]


def _varied(
    name: str,
    case: Case,
    texts: Sequence[str],
    efforts: tuple[Settings | None, Settings | None],
    budget: float | None,
    should_stop: Callable[[], bool],
) -> VariedMachine:
    """``efforts`` are those of mixes, and of the machine and twice of its resources."""
    known = resources_of(case.machine)
    knobs = [Knob.parse(case.machine, text) for text in texts if path_of(text) in known]
    (settings, in_full), plans = efforts, KnownPlans()
    least, marginal = relaxed_step(case), marginal_values(case)
    twice: tuple[SolvedTwice, ...] = ()
    found = sweep(case, knobs, settings, should_stop, plans) if knobs else ()
    if in_full is not None and not should_stop():
        twice = solved_twice(case, marginal, plans, in_full)
        if settings is not None:
            found = tuple(settled(case, knobs, found, settings, plans))
    return VariedMachine(
        candidate=name,
        least_seconds=_finite(least.seconds),
        parts={part.value: seconds for part, seconds in least.parts.items()},
        marginal=marginal,
        solved=twice,
        varied=tuple(knob.resource.path for knob in knobs),
        mixes=tuple(_mixes(knobs, found)),
        balanced=_balanced(knobs, found, texts, budget),
    )


def _mixes(knobs: Sequence[Knob], found: Sequence[Mix]) -> Iterator[MixOfMachine]:
    for mix in found:
        pairs = list(zip(knobs, mix.values, strict=True))
        is_priced = any(knob.price is not None for knob in knobs)
        yield MixOfMachine(
            values=mix.values,
            words=tuple(knob.resource.words(value) for knob, value in pairs),
            bound_seconds=_finite(mix.bound.seconds),
            step_seconds=mix.step_seconds,
            cost=sum(cost_of(knob, value) for knob, value in pairs) if is_priced else None,
        )


def _balanced(
    knobs: Sequence[Knob], found: Sequence[Mix], texts: Sequence[str], budget: float | None
) -> Balanced | None:
    """By the bounds of the mixes that were ``found``."""
    if budget is None or not knobs:
        return None
    for knob in knobs:
        if knob.price is None:
            text = next(each for each in texts if path_of(each) == knob.resource.path)
            message, hint = "has no price, and there is a budget", f"for example {text}@10/GiB"
            raise InputError([Diagnostic(OPTION, 1, 1, knob.resource.path, message, hint, text)])
    bounds = {mix.values: mix.bound for mix in found}
    return balanced(knobs, budget, lambda values: bounds.get(values, StepBound.no_plan()))


def _finite(seconds: float) -> float | None:
    return seconds if seconds < float("inf") else None
