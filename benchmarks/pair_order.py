"""In which order plans are predicted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

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
    def total(cls, parts: Iterable[PairOrder]) -> PairOrder:
        """Of several models together."""
        found = list(parts)
        return cls(sum(each.pairs for each in found), sum(each.in_order for each in found))
