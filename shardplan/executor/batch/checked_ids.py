"""Ids that are rows of their tables, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.executor.tensors.runs import negative_or_most

if TYPE_CHECKING:
    from shardplan.executor.batch.jagged_batch import JaggedBatch
    from shardplan.executor.tensors.tensor import Tensor


def checked_ids(batch: JaggedBatch, table_rows: Tensor) -> list[Tensor]:
    """Ids of each feature; ``table_rows`` (features,) are the rows of the tables that they read.

    Raises ValueError where one is no row of its table.
    """
    counts = batch.lengths.sum(1).tolist()
    if sum(counts) != batch.values.numel():
        raise ValueError("the lengths of the batch do not add up to its number of ids")
    parts = list(batch.values.split(counts))
    read = [feature for feature, count in enumerate(counts) if count]
    if read:
        worst = negative_or_most(batch.values, [counts[feature] for feature in read])
        wrong = (worst < 0) | (worst >= table_rows[read])
        if bool(wrong.any()):
            first = int(wrong.nonzero()[0])
            feature = read[first]
            raise ValueError(
                f"feature {batch.keys[feature]}: id {int(worst[first])} is no row "
                f"of a table of {int(table_rows[feature])} rows"
            )
    return parts
