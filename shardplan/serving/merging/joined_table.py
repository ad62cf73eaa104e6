"""Tables that are looked up as one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from math import prod
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class JoinedTable:
    """The product of M tables of which each sample reads one row each: a row for each combination
    of rows, side by side (MicroRec, MLSys 2021).

    What is read is what was read before, of one row in place of M, so outputs are the same bits.
    """

    member_rows: tuple[int, ...]
    member_dims: tuple[int, ...]

    @property
    def rows(self) -> int:
        """One for each combination."""
        return prod(self.member_rows)

    @property
    def dim(self) -> int:
        """Columns of all members."""
        return sum(self.member_dims)

    @property
    def columns(self) -> tuple[slice, ...]:
        """(M,): where the columns of each member are."""
        ends = accumulate(self.member_dims)
        return tuple(slice(end - dim, end) for end, dim in zip(ends, self.member_dims, strict=True))

    def ids(self, of_members: Sequence[NDArray[np.integer]]) -> NDArray[np.int64]:
        """(N,): of samples that read rows (M, N) ``of_members``; the last member's vary fastest.

        In 64 bits, since a product of rows may be more than 32 hold.
        """
        joined = np.zeros(np.shape(of_members[0]), dtype=np.int64)
        for rows, ids in zip(self.member_rows, of_members, strict=True):
            joined = joined * rows + np.asarray(ids, dtype=np.int64)
        return joined

    def rows_of(self, weights: Sequence[NDArray[np.generic]]) -> NDArray[np.generic]:
        """(rows, dim): from the (rows, dim) of each member, all of one dtype."""
        at = np.unravel_index(np.arange(self.rows), self.member_rows)
        return np.concatenate([each[rows] for each, rows in zip(weights, at, strict=True)], axis=1)
