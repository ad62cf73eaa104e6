"""How finely the ways to shard a table are graded: sizes of caches, numbers of column shards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.options.load_factors import CACHE_SIZES, LOAD_FACTORS
from shardplan.sharding.kernel import MemoryTier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.sharding.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Grading:
    """What is offered of sizes that may be anything between a least and a largest."""

    load_factors: tuple[float, ...] = LOAD_FACTORS
    """Sizes of caches, each of the two of a ``key_value`` table."""
    most_cuts: int | None = None
    """Numbers of column shards of a table and sharding type, the coarsest first and the finest
    among them; None: all."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left out."""
        return self == COMPLETE

    def shares(
        self, kernel: Kernel, pinned: float | None = None
    ) -> tuple[tuple[float, float], ...]:
        """The shares of rows in HBM, and in DDR above SSD, that a kernel is offered with.

        HBM may have all rows but one of a dynamic table, since that is where the budget may end.
        Where the cache in HBM is ``pinned``, the one in DDR may still be any.
        """
        sizes = set(self.load_factors)
        if pinned is not None and kernel.caches and not kernel.is_dynamic:
            below = MemoryTier.DDR in kernel.caches_in
            more = [both - pinned for both in self.load_factors if below and both > pinned]
            return tuple((pinned, ddr) for ddr in (0.0, *more))
        if MemoryTier.DDR in kernel.caches_in:
            every = ((hbm, ddr, hbm + ddr) for hbm, ddr in CACHE_SIZES)
            return tuple((hbm, ddr) for hbm, ddr, both in every if {hbm, both} <= sizes)
        if kernel.caches:
            whole = (1.0,) if kernel.is_dynamic else ()
            return tuple((hbm, 0.0) for hbm in (*self.load_factors, *whole))
        return ((1.0 if kernel.rows_in is MemoryTier.HBM else 0.0, 0.0),)

    def cuts(self, cuts: Sequence[int]) -> Sequence[int]:
        """Of some numbers of column shards, rising, those that are offered."""
        if self.most_cuts is None or len(cuts) <= self.most_cuts:
            return cuts
        return [*cuts[: self.most_cuts - 1], cuts[-1]]


COMPLETE = Grading()
GRADINGS = (
    COMPLETE,
    Grading(LOAD_FACTORS[::3]),
    Grading(LOAD_FACTORS[::3], most_cuts=2),
    Grading(LOAD_FACTORS[::9], most_cuts=2),
    Grading(LOAD_FACTORS[:1], most_cuts=2),
)
"""From the finest to the coarsest. All have the least caches, and the coarsest and finest cuts, so
that what fits into memory at all fits by each of them."""
