"""The hottest ids of a table, and how often each was read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class HotCounts:
    """Of one table, hottest first. Raises ValueError for lists that are none."""

    ids: NDArray[np.int64]
    """(n,): distinct."""
    counts: NDArray[np.int64]
    """(n,): reads of each, in whatever the ids are known to be hot from."""

    def __post_init__(self) -> None:
        if self.ids.ndim != 1 or self.ids.shape != self.counts.shape:
            raise ValueError("there must be as many counts as ids")
        if len(np.unique(self.ids)) < len(self.ids):
            raise ValueError("an id stands there twice")
        if (self.counts < 1).any() or (np.diff(self.counts) > 0).any():
            raise ValueError("counts must fall, and be at least 1")

    @classmethod
    def in_order(cls, ids: NDArray[np.int64]) -> HotCounts:
        """Of ids of which nothing is known but their order."""
        return cls(ids, np.arange(len(ids), 0, -1))
