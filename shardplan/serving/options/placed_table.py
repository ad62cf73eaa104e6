"""What is decided of one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.sharding.kernel import MemoryTier

if TYPE_CHECKING:
    from shardplan.serving.options.way import Way
    from shardplan.workload.serving.pruned_rows import PrunedRows
    from shardplan.workload.serving.stored_format import StoredFormat
    from shardplan.workload.table import Table

QUANT, QUANT_UVM, QUANT_UVM_CACHING = "quant", "quant_uvm", "quant_uvm_caching"
"""TorchRec's inference kernels: rows in HBM; in DDR; in DDR with a cache of rows in HBM."""


@dataclass(frozen=True, slots=True)
class PlacedTable:
    """In which format its rows are stored, in which memory, and on which devices."""

    table: int
    """Its position among the tables."""
    form: StoredFormat
    tier: MemoryTier
    way: Way
    cached_rows: int | None = None
    """Of rows in DDR: slots of the cache in HBM of each shard; None where there is no cache."""
    pruned: PrunedRows | None = None
    """Which rows are left; None: all."""

    @property
    def kernel(self) -> str:
        """By TorchRec's name."""
        if self.tier is MemoryTier.HBM:
            return QUANT
        return QUANT_UVM if self.cached_rows is None else QUANT_UVM_CACHING

    def shard_columns(self, table: Table) -> int:
        """Of each shard."""
        return table.dim if self.way.cuts_rows else table.dim // self.way.shards

    def shard_rows(self, table: Table) -> int:
        """Of each shard; the last may have fewer."""
        rows = self.rows(table)
        return -(-rows // self.way.shards) if self.way.cuts_rows else rows

    def rows(self, table: Table) -> int:
        """That are stored."""
        return table.rows if self.pruned is None else self.pruned.kept
