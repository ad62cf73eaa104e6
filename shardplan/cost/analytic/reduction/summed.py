"""What sums of gradients take on a machine, around one size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from shardplan.cost.analytic.collectives import Collectives
    from shardplan.cost.analytic.reduction.summing import Summing
    from shardplan.cost.exchange import Exchange


@dataclass(frozen=True, slots=True)
class Summed:
    """The straight line of all legs, and of what passes through memory."""

    seconds_per_byte: float
    """Of the gradient."""
    once_seconds: float
    """However few its bytes are."""
    exchange: Exchange
    """Of the leg that takes longest."""

    @classmethod
    def of(
        cls, summing: Summing, collectives: Collectives, at_bytes: float, bytes_per_second: float
    ) -> Self:
        """Linearised at a gradient of so many bytes; memory is passed at ``bytes_per_second``."""
        per_byte, once = summing.moved_share / bytes_per_second, 0.0
        slowest = []
        for leg in summing.legs:
            what = leg.collective, leg.scope, leg.share * at_bytes
            per_byte += leg.share * collectives.average(*what).seconds_per_byte
            once += collectives.once_seconds(*what)
            slowest.append((collectives.seconds(*what), collectives.exchange(*what)))
        return cls(per_byte, once, max(slowest, key=lambda each: each[0])[1])

    def seconds(self, gradient_bytes: float) -> float:
        """Of a gradient of so many bytes."""
        return self.once_seconds + self.seconds_per_byte * gradient_bytes
