"""Rows and bytes of a dynamic table on each device, as dynamicemb lays them out.

Of NVIDIA/recsys-examples at 43465ae, ``corelib/dynamicemb/dynamicemb``: ``dynamicemb_config.py``
(``_sharded_table_bucket_layout``), ``batched_dynamicemb_tables.py`` (``_create_cache_storage``),
``key_value_table.py`` (``create_table_state``) and ``scored_hashtable.py``.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Self

from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from shardplan.workload.dynamic.dynamic import Dynamic
    from shardplan.workload.table import Table

HBM_BUCKET_ROWS = 1024
"""Rows of a bucket of what HBM holds where the host holds rows too."""
OVERFLOW_ROWS = 3 * HBM_BUCKET_ROWS
"""Rows that a cache keeps besides, in a bucket of their own, for those that no bucket has room for.
"""
BUCKET_BYTES = 4
"""Index of a bucket: how many of its rows are taken."""
ROWWISE_STATE_BYTES = 16
"""State of a row under row-wise Adagrad, which dynamicemb pads to a vector."""


STATE_PER_COLUMN = {
    Optimizer.SGD: 0,
    Optimizer.ADAGRAD: 1,
    Optimizer.ADAM: 2,
    Optimizer.ROWWISE_ADAGRAD: 0,
}
"""Elements of state for each column of a row, of the optimizers that dynamicemb has."""


def state_row_bytes(optimizer: Optimizer, dim: int, element_bytes: int) -> int:
    """Optimizer state of a row, which lies beside it in the format of the weights.

    Raises KeyError for an optimizer that dynamicemb has not.
    """
    alone = ROWWISE_STATE_BYTES if optimizer is Optimizer.ROWWISE_ADAGRAD else 0
    return STATE_PER_COLUMN[optimizer] * dim * element_bytes + alone


@dataclass(frozen=True, slots=True)
class DynamicLayout:
    """One dynamic table on each of the devices that its ids are dealt to.

    Values are counted by rows that HBM and the host hold, which every mode has of its own.
    """

    dynamic: Dynamic
    devices: int
    rows: int
    """That a device may come to hold, in whole buckets."""
    value_bytes: int
    """Of a row with its optimizer state."""

    @classmethod
    def of(cls, table: Table, optimizer: Optimizer, devices: int) -> Self:
        """Of a table that is dynamic."""
        dynamic = table.dynamic
        assert dynamic is not None, f"{table.name} is dynamic"
        state = state_row_bytes(optimizer, table.dim, table.dtype.bytes)
        rows = _whole(-(-table.rows // devices), dynamic.bucket_rows)
        return cls(dynamic, devices, rows, table.row_bytes + state)

    @property
    def all_value_bytes(self) -> int:
        """Of all rows of a device."""
        return self.rows * self.value_bytes

    @property
    def pinned_bytes(self) -> int | None:
        """HBM for values of a device, where the spec says how much."""
        dynamic = self.dynamic
        if dynamic.hbm_bytes is not None:
            return -(-dynamic.hbm_bytes // self.devices)
        if dynamic.hbm_share is not None:
            return ceil(dynamic.hbm_share * self.all_value_bytes)
        return None

    def hbm_rows(self, share: float) -> int:
        """In HBM where the host holds rows too and a ``share`` of all values has room in HBM."""
        return _whole(max(1, min(self.rows, int(self.rows * share))), HBM_BUCKET_ROWS)

    def host_rows_beside(self, share: float) -> int:
        """On the host where rows are in either, and a ``share`` of all values has room in HBM.

        In whole buckets where the index has as many slots as there are rows.
        """
        rows = max(1, min(self.rows, int(self.rows * (1 - share))))
        return _whole(rows, self.dynamic.bucket_rows) if self.dynamic.slots_per_row == 1 else rows

    def whole_share(self, share: float) -> float:
        """The largest share, no larger than this, of which HBM's buckets leave none half empty.

        At least one bucket; of a table with fewer rows, all of them but one, since no host holds
        rows where HBM has room for all.
        """
        buckets = max(1, int(share * self.rows / HBM_BUCKET_ROWS + _ROUNDING))
        return min(buckets * HBM_BUCKET_ROWS, self.rows - 1) / self.rows

    @property
    def least_share(self) -> float:
        """Of a single bucket in HBM; 1 or more where there are no rows for a second one."""
        return HBM_BUCKET_ROWS / self.rows

    def varying_hbm_bytes(self, hbm_rows: float, host_rows: float) -> float:
        """Of a device where the host holds rows too, what depends on how many lie where: values in
        HBM with their index, and the index of those on the host alone."""
        index = self.dynamic.slot_bytes + BUCKET_BYTES / HBM_BUCKET_ROWS
        buckets = ceil(round(host_rows) * self.dynamic.slots_per_row / self.dynamic.bucket_rows)
        return hbm_rows * (self.value_bytes + index) + buckets * self.bucket_index_bytes

    @property
    def bucket_index_bytes(self) -> int:
        """HBM of the index of a bucket, of all rows or of those on the host."""
        return self.dynamic.bucket_rows * self.dynamic.slot_bytes + BUCKET_BYTES


_ROUNDING = 1e-6
"""Of a bucket: what a share that was written down may lack of it."""


def _whole(rows: int, bucket: int) -> int:
    return -(-rows // bucket) * bucket
