"""The devices that run a collective across scale-up domains."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """``domains`` scale-up domains with ``inside`` devices each, and what their switches can do."""

    inside: int
    domains: int
    sums_inside: bool = False
    """Whether the switch of a domain sums what passes it (NVLS)."""
    sums_across: bool = False
    """Whether the switches between the domains do (SHARP)."""

    @property
    def ranks(self) -> int:
        """All devices."""
        return self.inside * self.domains

    @property
    def tree_depth(self) -> int:
        """Hops from the farthest domain to the root of a binary tree over all of them."""
        return (self.domains - 1).bit_length()
