"""What batches read of one of the equal blocks that the rows of a table are cut into."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.access import Padded
from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    from shardplan.workload.row_distribution import RowDistribution
    from shardplan.workload.table import Table


@dataclass(frozen=True, eq=False, slots=True)
class BlockRead:
    """Of one block, or of several that are read alike."""

    distribution: RowDistribution
    """How likely each row is to be read, of all these blocks together."""
    share: float = 1.0
    """Of the accesses to the table, what these blocks draw together."""
    parts: float = 1
    """How many blocks share it evenly; the last may be but a part of one."""


@dataclass(frozen=True, eq=False)
class BlockReads:
    """Of a table that is cut into ``blocks`` of as many rows, rounded up, as TorchRec cuts them.

    Where ids are hashed, every block has an equal part of the rows of each class; where they are by
    frequency, the first has the hottest. A padded row lies where its id says.
    """

    table: Table
    whole: RowDistribution
    """How likely each row of the table is to be read."""
    blocks: int

    @cached_property
    def most(self) -> BlockRead:
        """Of which no block has more: of the busiest, or of one made up where there is none.

        Where the hottest rows lie in one block and the padded row in another, both are in it.
        """
        return self._others(0) if self._padded_block is None else self._with_padding(0)

    @property
    def busiest(self) -> int | None:
        """The block that ``most`` is; None where it is made up."""
        padded = self._padded_block or 0
        return None if padded and self._is_in_order else padded

    def of(self, number: int) -> BlockRead:
        """What is read of a block, counted from 0."""
        padding = self.table.padding
        if padding is None:
            return self._others(number)
        if number == self._padded_block:
            return self._with_padding(number)
        found = self._others(number)
        return BlockRead(found.distribution, found.share * (1 - padding.share), found.parts)

    def alike(self, number: int) -> Hashable:
        """What tells a block's readings from those of others."""
        is_padded = number == self._padded_block
        if not self._is_in_order:
            return (is_padded,)
        start, end = self._span(number)
        first, last = np.searchsorted(self._edges, [start, end - 1], side="right").tolist()
        within = (first, last, end - start, is_padded)
        return within if first == last else (*within, start)

    @property
    def shares(self) -> NDArray[np.float64]:
        """(blocks,): share of the accesses that each draws."""
        found = [self.of(number) for number in range(self.blocks)]
        return np.array([each.share / each.parts for each in found])

    def _with_padding(self, number: int) -> BlockRead:
        """What is read of a block if the padded row is in it."""
        padding = self.table.padding
        padded = padding.share if padding else 0.0
        rows, others = self._other_rows, 0.0
        if self._is_in_order:
            found = self._others(number)
            rows, others = found.distribution, found.share * (1 - padded)
        elif self._height > 1:
            parts = (self.table.rows - 1) / (self._height - 1)
            rows, others = rows.thinned(parts), (1 - padded) / parts
        share = others + padded
        return BlockRead(rows.with_atom(padded / share if others else 1.0), share)

    def _others(self, number: int) -> BlockRead:
        """What is read of a block but for padding, of all that is not padding."""
        rows = self._other_rows
        if not self._is_in_order:
            is_padded = self._padded_block is not None
            parts = (self.table.rows - 1) / self._height if is_padded else self.blocks
            return BlockRead(rows, parts=max(parts, 1.0))
        start, end = self._span(number)
        share = float(self._other_shares[number])
        if start == end:
            return BlockRead(rows, share)
        own = rows.hottest_rows(float(end)) if start == 0 else rows.rows_between(start, end)
        return BlockRead(own, share)

    def _span(self, number: int) -> tuple[int, int]:
        """The first row of a block, and the one after its last."""
        start = min(number * self._height, self.table.rows)
        return start, min(start + self._height, self.table.rows)

    @property
    def _height(self) -> int:
        """Rows of the first block."""
        return -(-self.table.rows // self.blocks)

    @property
    def _is_in_order(self) -> bool:
        """Whether hotter rows come before others."""
        return self.table.ids is RowOrder.BY_FREQUENCY

    @property
    def _padded_block(self) -> int | None:
        padding = self.table.padding
        return None if padding is None else padding.id // self._height

    @cached_property
    def _other_rows(self) -> RowDistribution:
        access, rows = self.table.access, self.table.rows
        if not isinstance(access, Padded):
            return self.whole
        others = rows if self._is_in_order else max(rows - 1, 1)
        return access.others.distribution(others, self.table.pooling * (1 - access.padding.share))

    @cached_property
    def _other_shares(self) -> NDArray[np.float64]:
        return self._other_rows.block_shares(self.blocks)

    @cached_property
    def _edges(self) -> NDArray[np.float64]:
        return np.cumsum(self._other_rows.counts)
