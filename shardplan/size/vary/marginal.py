"""What a little more of each resource of a machine is worth, and what twice of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.errors import InputError
from shardplan.size.bounds.optimum import Optimum
from shardplan.size.bounds.relaxed_step import relaxed_step
from shardplan.size.vary.resource import Resource, resources_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shardplan.case import Case

_LITTLE = 1e-3
"""Relative, of finite differences: what is straight to first order over it."""
_TWICE = 2.0


@dataclass(frozen=True, slots=True)
class MarginalValue:
    """What more of one resource does to the least step of a case."""

    path: str
    """Of the resource, such as ``nics.rate``."""
    value: float
    """What the machine has, in SI units."""
    words: str
    """The same as people write it."""
    step_seconds: float
    """The bound of the step by ``relaxed_step``, which knows of single devices too."""
    elasticity: float | None
    """By which share the least step of ``least_step`` changes with a share more of the resource:
    -0.3 is 0.3% less for 1% more. From the bounds of machines with a little more and less; None of
    counts, of which there is no little more."""
    dual_elasticity: float | None
    """The same by prices of memory and shares of options alone, with nothing solved again."""
    twice_seconds: float
    """As ``step_seconds``, with twice the resource; of a latency, with half of it."""

    is_better_higher: bool
    """Whether more of it is better: not of latencies."""

    @property
    def gain(self) -> float | None:
        """The elasticity for a share that it is better, be that more or less of it."""
        return self._better(self.elasticity)

    @property
    def gain_by_prices(self) -> float | None:
        """The same of ``dual_elasticity``."""
        return self._better(self.dual_elasticity)

    @property
    def twice_value(self) -> float:
        """Twice as much; of a latency, half of it."""
        return self.value * _TWICE if self.is_better_higher else self.value / _TWICE

    def _better(self, elasticity: float | None) -> float | None:
        return elasticity if elasticity is None or self.is_better_higher else -elasticity

    @property
    def twice(self) -> float:
        """The change of the bound ``step_seconds`` with twice as much: -0.18 is 18% less. That of
        the best plans may be more or less."""
        return self.twice_seconds / self.step_seconds - 1 if self.step_seconds else 0.0


def marginal_values(case: Case, paths: Iterable[str] | None = None) -> tuple[MarginalValue, ...]:
    """Of each resource of a machine that can be varied, or of some; what helps most is first.

    Nothing where the case has no plan, or where too many options were left out to prove anything.
    Raises InputError for a path that leads to no figure of the machine.
    """
    optimum = Optimum.of(case)
    if optimum is None:
        return ()
    chosen = resources_of(case.machine) if paths is None else paths
    now, found = relaxed_step(case).seconds, []
    for path in chosen:
        resource = Resource.named(case.machine, path)
        try:
            found.append(_marginal(case, optimum, resource, now))
        except InputError:
            if paths is not None:
                raise
    return tuple(sorted(found, key=lambda each: (each.twice_seconds, each.path)))


def _marginal(
    case: Case, optimum: Optimum, resource: Resource, now_seconds: float
) -> MarginalValue:
    value = resource.of(case.machine)
    more, less = value * (1 + _LITTLE), value * (1 - _LITTLE)
    above, below = (resource.on(case.machine, each) for each in (more, less))
    width = (resource.of(above) - resource.of(below)) / value
    seconds = optimum.seconds
    elasticity: float | None = None
    dual: float | None = None
    if width > 0:  # A count has no little more.
        ends = [_seconds(case.with_(machine=each)) for each in (above, below)]
        repriced = [optimum.repriced(optimum.case.with_(machine=each)) for each in (above, below)]
        elasticity = (ends[0] - ends[1]) / (width * seconds)
        dual = (repriced[0] - repriced[1]) / (width * seconds)
    twice = value * _TWICE if resource.is_better_higher else value / _TWICE
    twice_seconds = relaxed_step(resource.in_case(case, twice)).seconds
    return MarginalValue(
        resource.path,
        value,
        resource.words(value),
        now_seconds,
        elasticity,
        dual,
        twice_seconds,
        resource.is_better_higher,
    )


def _seconds(case: Case) -> float:
    found = Optimum.of(case)
    return float("inf") if found is None else found.seconds
