"""Distinct rows of batches as they lie in the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.profile.features.table_rule import FeatureRule, TableRule


@dataclass(frozen=True, slots=True)
class ObservedBatch:
    """Of one table, in one batch."""

    accesses: int
    distinct_rows: int


def observed_batch(batch: pa.Table, rule: TableRule) -> ObservedBatch:
    """Count a batch; the padding's row is left out, and of a dictionary rare ids are its own."""
    ids = np.concatenate([_ids_of(batch.column(each.column), each) for each in rule.features])
    rows = rule.mapping.row_of(ids)
    if rule.mapping.kind.value == "as_is":
        rows = rows[rows >= 0]
    if rule.padding is not None:
        rows = rows[rows != rule.padding]
    rows = np.sort(rows)  # A tenth of the time of np.unique, which hashes.
    return ObservedBatch(len(rows), int(np.count_nonzero(np.diff(rows))) + bool(len(rows)))


def _ids_of(column: pa.ChunkedArray, feature: FeatureRule) -> NDArray[np.int64]:
    held = column.combine_chunks()
    if isinstance(held, pa.ChunkedArray):
        held = pa.concat_arrays(held.chunks)
    if pa.types.is_fixed_size_list(held.type):
        held = held.cast(pa.list_(held.type.value_type))
    if pa.types.is_list(held.type) or pa.types.is_large_list(held.type):
        held = _flattened(held, feature)
    elif feature.missing is not None:
        held = pc.fill_null(held, feature.missing)
    held = held.drop_null()
    if pa.types.is_uint64(held.type):
        held = held.filter(pc.less(held, pa.scalar(2**63, pa.uint64())))
    return np.asarray(held.cast(pa.int64()))


def _flattened(held: pa.ListArray, feature: FeatureRule) -> pa.Array:
    if feature.truncate is None:
        return held.flatten()
    held = held.drop_null()
    offsets = held.offsets.to_numpy().astype(np.int64)
    lengths = np.diff(offsets)
    kept = np.minimum(lengths, feature.truncate)
    begins = offsets[:-1] + (lengths - kept if feature.keep == "back" else 0)
    inside = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
    return held.values.take(pa.array(np.repeat(begins, kept) + inside))
