"""What stages last longer, once for each group of options of which any is chosen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.solve.program.program import ProgramBuilder


@dataclass(frozen=True)
class Charges:
    """G groups of options, which may overlap; O options, S stages.

    Options of one blend are in the same groups, so that a mix pays what its options pay.
    """

    of_option: NDArray[np.bool_]
    """(O, G): the groups that an option belongs to."""
    seconds: NDArray[np.float64]
    """(G, S): what a group adds to each stage, never negative."""

    @property
    def count(self) -> int:
        """G."""
        return len(self.seconds)

    def uses(self, option: NDArray[np.int64]) -> NDArray[np.int32]:
        """(..., G): how many of the (..., n) options are in each group."""
        uses: NDArray[np.int32] = self.of_option[option].sum(axis=-2, dtype=np.int32)
        return uses

    def stage_seconds(self, uses: NDArray[np.int32]) -> NDArray[np.float64]:
        """(..., S): what all groups with any (..., G) uses add."""
        seconds = np.zeros((*uses.shape[:-1], self.seconds.shape[1]))
        for group, more in enumerate(self.seconds):
            seconds += (uses[..., group, None] > 0) * more
        return seconds

    def shares(
        self, share: NDArray[np.float64], item_of_option: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(G,): the largest share that any item has of a group, from (O,) shares of options."""
        option, group = np.nonzero(self.of_option & (share > 0)[:, None])
        pair, at = np.unique(item_of_option[option] * self.count + group, return_inverse=True)
        of_item = np.bincount(at.reshape(-1), share[option], minlength=len(pair))
        largest = np.zeros(self.count)
        np.maximum.at(largest, pair % self.count, of_item)
        return largest

    def renumbered(self, source: NDArray[np.int64]) -> Charges:
        """The same where options are those of ``source`` (n,), or -1 for some of no group."""
        if not len(self.of_option):
            return replace(self, of_option=np.zeros((len(source), self.count), dtype=bool))
        return replace(self, of_option=self.of_option[source] & (source >= 0)[:, None])

    def merged(self, groups: Sequence[Sequence[int]]) -> Charges:
        """The same with one stage for each group of stages."""
        seconds = [self.seconds[:, list(stages)].sum(axis=1) for stages in groups]
        return replace(self, seconds=np.column_stack(seconds))

    def only(self, chosen: NDArray[np.bool_]) -> Charges | None:
        """The groups of a mask (G,); None where there are none."""
        if not chosen.any():
            return None
        return Charges(self.of_option[:, chosen], self.seconds[chosen])

    def open_to(self, is_open: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """(O,): options whose groups are all of a mask (G,)."""
        closed: NDArray[np.bool_] = np.logical_or.reduce(self.of_option & ~is_open, axis=1)
        return ~closed

    def add_rows(
        self,
        build: ProgramBuilder,
        paid: NDArray[np.int64],
        y: NDArray[np.int64],
        item_of_option: NDArray[np.int64],
    ) -> None:
        """A group is paid for, in the columns ``paid`` (G,), by the largest share that any item has
        of its options; ``y`` (O,) are the columns of shares, -1 where there is none."""
        option, group = np.nonzero(self.of_option & (y >= 0)[:, None])
        pair = item_of_option[option] * self.count + group
        pairs, row = np.unique(pair, return_inverse=True)
        item, of_row = np.divmod(pairs, max(self.count, 1))
        rows = build.add_rows("pays", [item, of_row], lower=0.0)
        build.add_entries(rows, paid[of_row], 1.0)
        build.add_entries(rows[row.reshape(-1)], y[option], -1.0)
