"""Distinct rows of batches as they lie in the files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from shardplan.profile.count.list_ends import Filler, filler_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.profile.count.ids_by_sample import IdsBySample
    from shardplan.profile.features.table_rule import FeatureRule, TableRule


_BEYOND = pa.scalar(2**63, pa.uint64())
_NO_ID = -1
_LISTS_SEEN = 1_024
"""Of each batch: the ids of a whole one may be as large as the memory there is."""


@dataclass(frozen=True, slots=True)
class ObservedBatch:
    """Of one table, in one batch."""

    accesses: int
    distinct_rows: int


def observed_batch(
    batch: pa.Table, rule: TableRule, by_sample: IdsBySample | None = None
) -> ObservedBatch:
    """Count a batch; the padding's row is left out, and of a dictionary rare ids are its own.

    ``by_sample`` sees it too, where a sample may have an id twice: not in one column without lists.
    """
    columns = [batch.column(each.column) for each in rule.features]
    found = [_ids_of(*each) for each in zip(columns, rule.features, strict=True)]
    rows = rule.mapping.row_of(np.concatenate([ids for ids, _ in found]))
    is_kept = np.ones(len(rows), np.bool_)
    if rule.mapping.kind.value == "as_is":
        is_kept &= rows >= 0
    if rule.padding is not None:
        is_kept &= rows != rule.padding
    rows = rows[is_kept]
    if by_sample is not None and (len(columns) > 1 or is_list(_whole(columns[0]))):
        samples = np.concatenate([samples for _, samples in found])
        by_sample.see(rows, samples[is_kept], batch.num_rows)
    rows = np.sort(rows)  # A tenth of the time of np.unique, which hashes.
    return ObservedBatch(len(rows), int(np.count_nonzero(np.diff(rows))) + bool(len(rows)))


class SeenLists:
    """The first lists of each batch, of features of which no rule says what fills them up."""

    def __init__(self, rule: TableRule) -> None:
        self._features = [each for each in rule.features if each.padding is None]
        if rule.padding is not None:
            self._features = []
        self._seen: dict[str, list[tuple[NDArray[np.int64], NDArray[np.int64]]]] = {}

    def see(self, batch: pa.Table) -> None:
        """Look at a batch."""
        for each in self._features:
            held = _whole(batch.column(each.column).slice(0, _LISTS_SEEN))
            if is_list(held):
                self._seen.setdefault(each.feature, []).append(_lists(held))

    def fillers(self) -> tuple[Filler, ...]:
        """What fills lists up."""
        found = []
        for feature, parts in self._seen.items():
            ids, lengths = (np.concatenate(each) for each in zip(*parts, strict=True))
            found.append(filler_of(feature, ids, lengths))
        return tuple(each for each in found if each is not None)


def _lists(held: pa.ListArray) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Copies of the ids of lists, one after the other, and how many each has.

    What is no id is one below 0.
    """
    held = held.drop_null()
    values = held.flatten()
    if pa.types.is_uint64(values.type):
        values = pc.if_else(pc.less(values, _BEYOND), values, None)
    offsets = held.offsets.to_numpy().astype(np.int64)
    return np.array(values.cast(pa.int64()).fill_null(_NO_ID)), np.diff(offsets)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    """In one piece, and lists of any kind as lists."""
    held = column.combine_chunks()
    if isinstance(held, pa.ChunkedArray):
        held = pa.concat_arrays(held.chunks)
    if pa.types.is_fixed_size_list(held.type):
        held = held.cast(pa.list_(held.type.value_type))
    return held


def is_list(held: pa.Array) -> bool:
    """Whether a column has lists."""
    return bool(pa.types.is_list(held.type) or pa.types.is_large_list(held.type))


def _ids_of(
    column: pa.ChunkedArray, feature: FeatureRule
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids of a feature, and the number of the sample of each."""
    held = _whole(column)
    samples = np.arange(len(held))
    if is_list(held):
        samples = samples[_is_there(held)]
        held = held.drop_null()
        if feature.padding is not None:
            held = _without(held, feature.padding)
        held, lengths = _flattened(held, feature)
        samples = np.repeat(samples, lengths)
    elif feature.missing is not None:
        held = pc.fill_null(held, feature.missing)
    samples = samples[_is_there(held)]
    held = held.drop_null()
    if pa.types.is_uint64(held.type):
        is_kept = pc.less(held, _BEYOND)
        held, samples = held.filter(is_kept), samples[is_kept.to_numpy(zero_copy_only=False)]
    return np.asarray(held.cast(pa.int64())), samples


def _is_there(held: pa.Array) -> NDArray[np.bool_]:
    if not held.null_count:
        return np.ones(len(held), np.bool_)
    found: NDArray[np.bool_] = held.is_valid().to_numpy(zero_copy_only=False)
    return found


def _without(held: pa.ListArray, padding: int) -> pa.ListArray:
    """The lists without an id; none of them is null."""
    values, offsets = held.flatten(), held.offsets.to_numpy().astype(np.int64)
    is_kept = pc.fill_null(pc.not_equal(values, padding), True).to_numpy(zero_copy_only=False)
    kept = np.concatenate([[0], np.cumsum(is_kept)])[offsets - offsets[0]]
    return pa.LargeListArray.from_arrays(pa.array(kept), values.filter(pa.array(is_kept)))


def _flattened(held: pa.ListArray, feature: FeatureRule) -> tuple[pa.Array, NDArray[np.int64]]:
    """Ids of lists of which none is null, one after the other, and how many each has."""
    offsets = held.offsets.to_numpy().astype(np.int64)
    lengths = np.diff(offsets)
    if feature.truncate is None:
        return held.flatten(), lengths
    kept = np.minimum(lengths, feature.truncate)
    begins = offsets[:-1] + (lengths - kept if feature.keep == "back" else 0)
    inside = np.arange(kept.sum()) - np.repeat(np.cumsum(kept) - kept, kept)
    return held.values.take(pa.array(np.repeat(begins, kept) + inside)), kept
