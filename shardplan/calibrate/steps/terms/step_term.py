"""One thing that the time of a step is proportional to."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from shardplan.cost.profile.curves import Curve

if TYPE_CHECKING:
    from shardplan.calibrate.steps.terms.figures import Figures
    from shardplan.sharding.kind import ShardingType
    from shardplan.topology.collective import Collective

_OF_CACHE = ("per_fetch", "per_read_byte", "per_cached_byte")


@dataclass(frozen=True, slots=True)
class StepTerm(ABC):
    """A coefficient, never negative, and where it stands among the figures."""

    @property
    def usual(self) -> float:
        """What it is before any step was measured: 0 where nothing is known of it."""
        return 0.0

    @property
    def rests_on_cache(self) -> bool:
        """Whether a plan has more or less of it by the size of the on-chip cache."""
        return False

    @abstractmethod
    def put(self, figures: Figures, value: float) -> Figures:
        """The figures with this coefficient."""


@dataclass(frozen=True, slots=True)
class RateTerm(StepTerm):
    """A rate of a fused kernel, in seconds; ``launch`` is one too."""

    phase: str
    rate: str

    def __str__(self) -> str:
        return f"{self.phase} {self.rate}"

    @property
    def rests_on_cache(self) -> bool:
        """What is read of memory, and what of the cache."""
        return self.rate in _OF_CACHE

    def put(self, figures: Figures, value: float) -> Figures:
        """In the profile."""
        costs = getattr(figures.profile, self.phase)
        if self.rate == "launch":
            costs = replace(costs, launch_seconds=value)
        else:
            costs = replace(costs, hbm=replace(costs.hbm, **{self.rate: value}))
        return replace(figures, profile=replace(figures.profile, **{self.phase: costs}))


@dataclass(frozen=True, slots=True)
class FrameworkTerm(StepTerm):
    """What the framework adds to a phase, in seconds per unit."""

    phase: str
    name: str

    def __str__(self) -> str:
        return f"{self.phase} {self.name}"

    def put(self, figures: Figures, value: float) -> Figures:
        """In the framework's profile."""
        changed: dict[str, Any] = {self.name: value}
        terms = replace(figures.terms_of(self.phase), **changed)
        return figures.with_terms(self.phase, terms)


@dataclass(frozen=True, slots=True)
class TypeTerm(StepTerm):
    """What it adds besides for the tables of one sharding type."""

    phase: str
    kind: ShardingType
    name: str

    def __str__(self) -> str:
        return f"{self.phase} {self.kind} {self.name}"

    def put(self, figures: Figures, value: float) -> Figures:
        """In the framework's profile."""
        terms = figures.terms_of(self.phase)
        changed: dict[str, Any] = {self.name: value}
        own = replace(figures.unit_terms_of(self.phase, self.kind), **changed)
        return figures.with_terms(self.phase, replace(terms, types={**terms.types, self.kind: own}))


@dataclass(frozen=True, slots=True)
class CurveTerm(StepTerm):
    """How many times as long a collective takes inside a step as when it was measured alone."""

    collective: Collective

    def __str__(self) -> str:
        return str(self.collective)

    @property
    def usual(self) -> float:
        """As long."""
        return 1.0

    def put(self, figures: Figures, value: float) -> Figures:
        """All points of its curves."""
        scale_up = figures.profile.scale_up
        curves = {
            key: _times(curve, value) if key[0] is self.collective else curve
            for key, curve in scale_up.curves.items()
        }
        scale_up = replace(scale_up, curves=curves)
        return replace(figures, profile=replace(figures.profile, scale_up=scale_up))


@dataclass(frozen=True, slots=True)
class SweepTerm(StepTerm):
    """The same of the sweep over a whole table by which a data-parallel one is updated."""

    def __str__(self) -> str:
        return "sweep"

    @property
    def usual(self) -> float:
        """As long."""
        return 1.0

    def put(self, figures: Figures, value: float) -> Figures:
        """Its rate."""
        rate = figures.profile.dense_update_bytes_per_second / max(value, _LEAST)
        profile = replace(figures.profile, dense_update_bytes_per_second=rate)
        return replace(figures, profile=profile)


_LEAST = 1e-3
"""Times as long: curves and rates of no seconds at all are none."""


def _times(curve: Curve, factor: float) -> Curve:
    factor = max(factor, _LEAST)
    excess = curve.excess_seconds_per_byte
    return Curve(
        tuple((size, seconds * factor) for size, seconds in curve.points),
        None if excess is None else excess * factor,
    )
