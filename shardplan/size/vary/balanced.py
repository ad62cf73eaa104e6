"""The machine of which no part waits for another one longer than money could help."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shardplan.size.bounds.step_bound import StepBound
    from shardplan.size.vary.knob import Knob

_ROUNDING = 1e-9
_AS_GOOD = 1e-3
"""Relative, of steps: what is quicker by less is not worth money."""

Mix = tuple[int, ...]
"""Of each knob, which of its values."""


@dataclass(frozen=True, slots=True)
class Balanced:
    """The best mix of values within a budget."""

    values: tuple[float, ...]
    """Of each knob, in their order."""
    cost: float
    bound: StepBound
    least_seconds: float
    """No plan on any mix within the budget has a shorter step."""
    saved_per_cost: tuple[float | None, ...]
    """By how many seconds the least step falls for each unit of money that one value more of a
    knob costs; None where it has no more. Far apart, they tell that the knobs' steps are coarse."""
    tried: int
    """Mixes that were bounded to find it."""


def balanced(
    knobs: Sequence[Knob], budget: float, bound_of: Callable[[tuple[float, ...]], StepBound]
) -> Balanced | None:
    """Of all mixes that cost no more than ``budget``, the one with the least step; of those that
    are as good to a thousandth, one that no value less would make cheaper. None where none costs so
    little, or none has a plan.

    Each knob has a price; ``bound_of`` tells what a mix of values takes at least. More of a
    resource never makes a step longer, so that only mixes are looked at that leave no money for
    another value, and those with less than the best of them.
    """
    search = _Search(knobs, bound_of)
    full = list(search.largest(budget))
    best = min(full, key=lambda at: (search.seconds(at), search.cost(at)), default=None)
    if best is None or search.seconds(best) == float("inf"):
        return None
    least = search.seconds(best)
    found = search.thrifty(best, least * (1 + _AS_GOOD))
    tried = len(search.known)
    saved = tuple(search.saved(found, knob) for knob in range(len(knobs)))
    bound = search.bound(found)
    return Balanced(search.values(found), search.cost(found), bound, least, saved, tried)


def cost_of(knob: Knob, value: float) -> float:
    """Of one value of a knob; nothing where it has no price."""
    return value * (knob.price or 0.0)


class _Search:
    """Mixes and their bounds, each worked out once."""

    def __init__(
        self, knobs: Sequence[Knob], bound_of: Callable[[tuple[float, ...]], StepBound]
    ) -> None:
        self._knobs, self._bound_of = knobs, bound_of
        self._costs = [[cost_of(knob, value) for value in knob.values] for knob in knobs]
        self.known: dict[Mix, StepBound] = {}

    def values(self, at: Mix) -> tuple[float, ...]:
        return tuple(knob.values[n] for knob, n in zip(self._knobs, at, strict=True))

    def cost(self, at: Mix) -> float:
        return sum(of_knob[n] for of_knob, n in zip(self._costs, at, strict=True))

    def bound(self, at: Mix) -> StepBound:
        if at not in self.known:
            self.known[at] = self._bound_of(self.values(at))
        return self.known[at]

    def seconds(self, at: Mix) -> float:
        return self.bound(at).seconds

    def largest(self, budget: float) -> Iterator[Mix]:
        """Those within a budget of which no knob can have one value more."""
        most = budget * (1 + _ROUNDING)
        for at in product(*(range(len(of_knob)) for of_knob in self._costs)):
            more = (self._moved(at, knob, 1) for knob in range(len(at)))
            if self.cost(at) <= most and all(m is None or self.cost(m) > most for m in more):
                yield at

    def thrifty(self, at: Mix, enough_seconds: float) -> Mix:
        """With one value less as often as that takes no longer, the dearest first."""
        while True:
            less = (self._moved(at, knob, -1) for knob in range(len(at)))
            cheaper = sorted((m for m in less if m is not None), key=self.cost)
            good = (m for m in cheaper if self.seconds(m) <= enough_seconds)
            found = next(good, None)
            if found is None:
                return at
            at = found

    def saved(self, at: Mix, knob: int) -> float | None:
        more = self._moved(at, knob, 1)
        if more is None:
            return None
        dearer = self.cost(more) - self.cost(at)
        return (self.seconds(at) - self.seconds(more)) / dearer if dearer else None

    def _moved(self, at: Mix, knob: int, by: int) -> Mix | None:
        """None beyond the values of a knob."""
        new = at[knob] + by
        if not 0 <= new < len(self._costs[knob]):
            return None
        return (*at[:knob], new, *at[knob + 1 :])
