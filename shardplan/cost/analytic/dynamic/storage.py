"""Bytes of dynamic tables on each device: values, index, and what a cache keeps besides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.workload.dynamic.layout import (
    BUCKET_BYTES,
    HBM_BUCKET_ROWS,
    OVERFLOW_ROWS,
    DynamicLayout,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.options.option_set import OptionSet
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, eq=False, slots=True)
class DynamicStorage:
    """The dynamic tables of a workload, as arrays of length T; 0 of those that are not."""

    rows: NDArray[np.int64]
    """That a device may come to hold."""
    value_bytes: NDArray[np.int64]
    """Of a row with its optimizer state."""
    slot_bytes: NDArray[np.int64]
    """Index of a row in HBM."""
    bucket_index_bytes: NDArray[np.int64]
    """Index of a bucket where all rows are, or those on the host."""
    bucket_rows: NDArray[np.int64]
    """Slots of such a bucket; 1 of tables that are not dynamic."""
    slots_per_row: NDArray[np.int64]
    """Of that index."""

    @classmethod
    def of(cls, workload: Workload, devices: int) -> Self:
        """Lay out the tables on so many devices."""
        optimizer = workload.training.optimizer
        layouts = [
            None if table.dynamic is None else DynamicLayout.of(table, optimizer, devices)
            for table in workload.tables
        ]
        return cls(
            np.array([each.rows if each else 0 for each in layouts], dtype=np.int64),
            np.array([each.value_bytes if each else 0 for each in layouts], dtype=np.int64),
            np.array([each.dynamic.slot_bytes if each else 0 for each in layouts], dtype=np.int64),
            np.array([each.bucket_index_bytes if each else 0 for each in layouts], dtype=np.int64),
            np.array([each.dynamic.bucket_rows if each else 1 for each in layouts], dtype=np.int64),
            np.array(
                [each.dynamic.slots_per_row if each else 0 for each in layouts], dtype=np.int64
            ),
        )

    def bytes(self, options: OptionSet) -> NDArray[np.float64]:
        """(O, 3): HBM, DDR and SSD on each device; of options of other tables it means nothing.

        Linear in the shares of the rows that HBM and the host hold, but for a last bucket.
        """
        table = options.table
        rows, value = self.rows[table], self.value_bytes[table]
        part = options.has_kernel(lambda kernel: kernel.is_dynamic_part)
        split = options.has_kernel(lambda kernel: kernel.is_split)
        copied = part & ~split
        near, far = options.hbm_share * rows, np.where(split, options.ddr_share, 1.0) * rows
        slot = self.slot_bytes[table]
        index = near * (slot + BUCKET_BYTES / HBM_BUCKET_ROWS)
        overflow = OVERFLOW_ROWS * (value + slot) + BUCKET_BYTES
        held = np.zeros((len(options), 3))
        slots = np.rint(far).astype(np.int64) * self.slots_per_row[table]
        buckets = -(-slots // self.bucket_rows[table])
        held[:, 0] = near * value + buckets * self.bucket_index_bytes[table]
        held[:, 0] += np.where(part, index, 0) + np.where(copied, overflow, 0)
        on_host = options.has_kernel(lambda kernel: kernel.needs_ddr)
        held[:, 1] = np.where(on_host, far * value, 0)
        return held
