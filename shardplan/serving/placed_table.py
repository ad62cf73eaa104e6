"""What is decided of one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.serving.way import KERNELS

if TYPE_CHECKING:
    from shardplan.serving.way import Way
    from shardplan.sharding.kernel import MemoryTier
    from shardplan.workload.serving.stored_format import StoredFormat
    from shardplan.workload.table import Table


@dataclass(frozen=True, slots=True)
class PlacedTable:
    """In which format its rows are stored, in which memory, and on which devices."""

    table: int
    """Its position among the tables."""
    form: StoredFormat
    tier: MemoryTier
    way: Way

    @property
    def kernel(self) -> str:
        """By TorchRec's name."""
        return KERNELS[self.tier]

    def shard_columns(self, table: Table) -> int:
        """Of each shard."""
        return table.dim if self.way.cuts_rows else table.dim // self.way.shards

    def shard_rows(self, table: Table) -> int:
        """Of each shard; the last may have fewer."""
        return -(-table.rows // self.way.shards) if self.way.cuts_rows else table.rows
