"""The tables of a workload as arrays, in the terms of TorchRec's estimator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.torchrec.shards import Values
    from shardplan.workload.table import Table
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class TableArrays:
    """(T,) each: one entry per table."""

    rows: Values
    columns: Values
    element_bytes: Values
    ids: Values
    """In the batch of one device."""
    outputs: Values
    """Vectors given for the batch of one device: for each id one, or where they are pooled per
    feature and sample the smaller of 1 and the pooling."""
    weighted: Values
    """1 where ids have weights, 0 elsewhere."""
    pooled: Values
    """1 where ids are pooled, 0 elsewhere."""

    @classmethod
    def of(cls, workload: Workload, local_batch: float) -> TableArrays:
        """The tables of a workload, with ``local_batch`` samples on each device."""
        columns = [
            (
                table.rows,
                table.dim,
                table.dtype.bytes,
                sum(ids * (share * local_batch) for ids, share in _read(table)),
                sum(
                    (min(1.0, ids) if table.collection.is_pooled else ids) * (share * local_batch)
                    for ids, share in _read(table)
                ),
                table.weighted,
                table.collection.is_pooled,
            )
            for table in workload.tables
        ]
        return cls(*np.array(columns, dtype=np.float64).reshape(-1, 7).T)

    def take(self, tables: NDArray[np.int32]) -> TableArrays:
        """The tables at these positions."""
        return TableArrays(
            self.rows[tables],
            self.columns[tables],
            self.element_bytes[tables],
            self.ids[tables],
            self.outputs[tables],
            self.weighted[tables],
            self.pooled[tables],
        )


def _read(table: Table) -> zip[tuple[float, float]]:
    """Of each feature, its ids per sample, and its own samples for each of the batch."""
    return zip(table.poolings, table.shares, strict=True)
