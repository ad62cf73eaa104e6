"""The units whose seconds are asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from shardplan.cost.analytic.lookup import LookupSums

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.cost.analytic.hot.replicas import Replicas
    from shardplan.cost.analytic.shares import Shares
    from shardplan.options.option_set import OptionSet


@dataclass(frozen=True, eq=False)
class Units:
    """One unit of each of O options: what it holds and does on each device that it lands on."""

    options: OptionSet
    shares: Shares
    page_share: NDArray[np.float64] | float
    """Of a page of memory, what lies between an output and the one read or written after it."""
    replicas: Replicas | None = None
    """Hot rows that every device holds besides; None where no option keeps any."""

    @cached_property
    def sums(self) -> LookupSums:
        """What a fused kernel's time is linear in."""
        return LookupSums.of(self.shares, page_share=self.page_share)
