"""How well whole steps are predicted, and in which order."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

ALIKE = 0.05
"""Steps that differ by less than this share have no order."""


@dataclass(frozen=True, slots=True)
class PairOrder:
    """Pairs of plans whose measured steps differ."""

    pairs: int
    in_order: int
    """Those whose predicted steps are in the same order."""

    @property
    def share(self) -> float:
        """In order; 1 where there is no pair."""
        return self.in_order / self.pairs if self.pairs else 1.0

    @classmethod
    def of(cls, predicted: Sequence[float], measured: Sequence[float]) -> PairOrder:
        """Of all pairs whose longer step is more than a twentieth longer than the other."""
        both = list(zip(predicted, measured, strict=True))
        differing = [
            (one[0] - other[0]) * (one[1] - other[1])
            for one, other in combinations(both, 2)
            if abs(one[1] - other[1]) > ALIKE * min(one[1], other[1])
        ]
        return cls(len(differing), int(np.sum(np.array(differing) > 0)))

    @classmethod
    def total(cls, parts: Iterable[PairOrder]) -> PairOrder:
        """Of several models together."""
        found = list(parts)
        return cls(sum(each.pairs for each in found), sum(each.in_order for each in found))
