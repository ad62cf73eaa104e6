"""Row shards that are read unevenly, since ids number the rows by frequency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.workload.row_order import RowOrder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shardplan.workload.table import Table

_WORTH_HASHING = 1.5
"""Times the lookups of an average shard."""


@dataclass(frozen=True, slots=True)
class UnevenRows:
    """A table whose first row shard waits for much more than its share of the lookups."""

    table: Table
    shards: int
    excess: float
    """Lookups of the first shard over what they would be if the ids were hashed."""

    def __str__(self) -> str:
        return (
            f"the first of {self.shards} row shards of {self.table.name} serves {self.excess:.1f} "
            "times the mean of the lookups, since its ids are by frequency"
        )


def uneven_rows(cuts: Iterable[tuple[Table, int]]) -> tuple[UnevenRows, ...]:
    """The tables, each cut into so many row shards, whose ids had better be hashed; worst first."""
    found = (UnevenRows(table, shards, _excess(table, shards)) for table, shards in cuts)
    return tuple(sorted((f for f in found if f.excess > _WORTH_HASHING), key=lambda f: -f.excess))


def _excess(table: Table, shards: int) -> float:
    if table.ids is RowOrder.HASHED or not table.pooling:
        return 1.0
    shares = table.access.distribution(table.rows, table.pooling).block_shares(shards)
    return float(shares[0]) * table.rows / -(-table.rows // shards)
