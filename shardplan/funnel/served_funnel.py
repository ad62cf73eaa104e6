"""A funnel with the replicas of its stages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.funnel.funnel import Funnel


@dataclass(frozen=True, eq=False, slots=True)
class ServedFunnel:
    """What it takes and how fast it is."""

    funnel: Funnel
    replicas: tuple[int, ...]
    """Of each stage."""
    seconds: float
    """Within which the share of queries that was asked for is answered."""

    @property
    def cost(self) -> float:
        """Of all replicas, in the user's unit."""
        return priced(self.funnel, self.replicas)

    def dominates(self, other: ServedFunnel) -> bool:
        """Whether it is in nothing worse, and in something better."""
        own = (-self.funnel.quality, self.seconds, self.cost)
        its = (-other.funnel.quality, other.seconds, other.cost)
        return own != its and all(a <= b for a, b in zip(own, its, strict=True))


def priced(funnel: Funnel, replicas: tuple[int, ...]) -> float:
    """Of so many replicas of each stage."""
    return sum(stage.price * count for stage, count in zip(funnel.stages, replicas, strict=True))
