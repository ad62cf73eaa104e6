"""The machine of which no part waits for another one longer than money could help."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from shardplan.size.bounds.least_step import least_step
from shardplan.size.vary.sweep import with_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.case import Case
    from shardplan.size.bounds.step_bound import StepBound
    from shardplan.size.vary.knob import Knob

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class Balanced:
    """The best mix of values within a budget."""

    values: tuple[float, ...]
    """Of each knob, in their order."""
    cost: float
    bound: StepBound
    saved_per_cost: tuple[float | None, ...]
    """By how many seconds the least step falls for each unit of money that one value more of a
    knob costs; None where it has no more. Where they are far apart, the knobs' steps are coarse."""
    tried: int
    """Mixes that were bounded: those that leave no room for one value more."""


def balanced(case: Case, knobs: Sequence[Knob], budget: float) -> Balanced | None:
    """Of all mixes whose values cost no more than ``budget``, the one with the least step, of
    equals the cheapest; None where none costs so little, or none has a plan.

    Each knob has a price. More of a resource never makes a step longer, so that only mixes count
    which leave no money for another value.
    """
    costs = [[cost_of(knob, value) for value in knob.values] for knob in knobs]
    best: tuple[float, float, tuple[int, ...], StepBound] | None = None
    tried = 0
    for at in _largest(costs, budget):
        tried += 1
        bound = least_step(with_values(case, knobs, _values(knobs, at)))
        key = bound.seconds, _cost(costs, at), at, bound
        if bound.seconds < float("inf") and (best is None or key[:2] < best[:2]):
            best = key
    if best is None:
        return None
    seconds, cost, at, bound = best
    saved = tuple(_saved(case, knobs, costs, at, number, seconds) for number in range(len(knobs)))
    return Balanced(_values(knobs, at), cost, bound, saved, tried)


def cost_of(knob: Knob, value: float) -> float:
    """Of one value of a knob; nothing where it has no price."""
    return value * (knob.price or 0.0)


def _values(knobs: Sequence[Knob], at: tuple[int, ...]) -> tuple[float, ...]:
    return tuple(knob.values[n] for knob, n in zip(knobs, at, strict=True))


def _cost(costs: Sequence[Sequence[float]], at: tuple[int, ...]) -> float:
    return sum(of_knob[n] for of_knob, n in zip(costs, at, strict=True))


def _largest(costs: Sequence[Sequence[float]], budget: float) -> Iterator[tuple[int, ...]]:
    """The mixes within a budget of which no knob can have one value more."""
    most = budget * (1 + _ROUNDING)
    for at in product(*(range(len(of_knob)) for of_knob in costs)):
        if _cost(costs, at) <= most and all(
            n + 1 == len(of_knob) or _cost(costs, (*at[:k], n + 1, *at[k + 1 :])) > most
            for k, (n, of_knob) in enumerate(zip(at, costs, strict=True))
        ):
            yield at


def _saved(
    case: Case,
    knobs: Sequence[Knob],
    costs: Sequence[Sequence[float]],
    at: tuple[int, ...],
    number: int,
    seconds: float,
) -> float | None:
    if at[number] + 1 == len(knobs[number].values):
        return None
    more = (*at[:number], at[number] + 1, *at[number + 1 :])
    dearer = _cost(costs, more) - _cost(costs, at)
    quicker = seconds - least_step(with_values(case, knobs, _values(knobs, more))).seconds
    return quicker / dearer if dearer else None
