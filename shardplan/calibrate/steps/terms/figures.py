"""The figures that a step is predicted by."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from shardplan.cost.framework.framework_profile import FrameworkProfile
from shardplan.cost.framework.terms import Terms, UnitTerms
from shardplan.cost.profile.profile import HostEfficiency, KernelCosts, LookupRates

if TYPE_CHECKING:
    from shardplan.cost.profile.profile import Profile
    from shardplan.sharding.kind import ShardingType

_FREE = KernelCosts(0.0, LookupRates(), LookupRates(), HostEfficiency(0.0, 0.0))


@dataclass(frozen=True, eq=False, slots=True)
class Figures:
    """A cost model and a framework profile, which only together predict a step."""

    profile: Profile
    framework: FrameworkProfile

    @classmethod
    def of_collectives(
        cls, profile: Profile, cache_bytes: int = 0, sums_read_rows: bool = False
    ) -> Self:
        """Of a profile its collectives and its rate of sweeps: lookups, updates and the framework
        cost nothing. ``cache_bytes`` is the on-chip cache of a device; ``sums_read_rows`` is as of
        a framework."""
        bare = replace(
            profile, lookup_forward=_FREE, update_backward=_FREE, on_chip_cache_bytes=cache_bytes
        )
        return cls(bare, FrameworkProfile("fitted", {}, sums_read_rows=sums_read_rows))

    def with_cache(self, cache_bytes: int) -> Figures:
        """With so large an on-chip cache of a device."""
        return replace(self, profile=replace(self.profile, on_chip_cache_bytes=cache_bytes))

    def with_terms(self, phase: str, terms: Terms) -> Figures:
        """With other terms of the framework in one phase."""
        framework = replace(self.framework, terms={**self.framework.terms, phase: terms})
        return replace(self, framework=framework)

    def terms_of(self, phase: str) -> Terms:
        """What the framework has of a phase."""
        return self.framework.terms.get(phase, Terms())

    def unit_terms_of(self, phase: str, kind: ShardingType) -> UnitTerms:
        """What it has of a phase for one sharding type besides."""
        return self.terms_of(phase).types.get(kind, UnitTerms())
