"""Elements that are read and written beside a product."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

from shardplan.workload.dense.fusion import Fusion


@dataclass(frozen=True, slots=True)
class Moved:
    """Of one sample, by what a framework fuses."""

    in_products: int = 0
    fused: int = 0
    separate: int = 0

    @classmethod
    def always(cls, elements: int) -> Self:
        """The same whatever is fused."""
        return cls(elements, elements, elements)

    def under(self, fusion: Fusion) -> int:
        """Elements."""
        match fusion:
            case Fusion.IN_PRODUCTS:
                return self.in_products
            case Fusion.FUSED:
                return self.fused
            case Fusion.SEPARATE:
                return self.separate


NOTHING: Final = Moved()
"""Whatever is fused."""
