"""A rank's batch for steps that are timed, not learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from shardplan.executor.batch.jagged_batch import JaggedBatch
from shardplan.workload.drawn.drawn_ids import draw_ids, draw_lengths, hottest_ids
from shardplan.workload.table import Table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.planned.planned_table import PlannedTable


def drawn_batch(view: PlanView, rank: int, seed: int) -> JaggedBatch:
    """As many samples as the plan is for; ids as access patterns and poolings say.

    The hottest rows lie anywhere in a table whose ids are hashed, and first in one where they are
    ``by_frequency``. Of a feature that several tables read, the ids are those of the table with the
    fewest rows. Ids have weights where some table counts by them.
    """
    random = np.random.default_rng([seed, rank])
    samples = view.training.local_batch
    keys, ids, lengths = [], [], []
    for feature, readers in view.readers.items():
        table = _of_feature(min(readers, key=lambda each: each.rows), feature)
        counts = draw_lengths(table, samples, random)
        keys.append(feature)
        lengths.append(counts)
        ids.append(draw_ids(table, int(counts.sum()), random))
    values = np.concatenate(ids)
    weights = random.random(len(values), np.float32) if view.counts_weights else None
    return JaggedBatch(
        tuple(keys),
        torch.from_numpy(values),
        torch.from_numpy(np.stack(lengths)),
        None if weights is None else torch.from_numpy(weights),
    )


def _of_feature(table: PlannedTable, feature: str) -> Table:
    """A planned table as one that this feature alone reads, with its ids."""
    pooling = table.pooling_of(feature)
    return Table(
        table.name, table.module, table.rows, table.dim, table.dtype,
        (feature,), (pooling,), table.access, table.ids,
    )  # fmt: skip


def drawn_hot_ids(view: PlanView) -> dict[str, NDArray[np.int64]]:
    """By ``module/table``, the hottest of these ids, of tables of which every rank keeps some."""
    found = {}
    for table in view.tables:
        if table.keeps_hot_rows:
            feature = table.features[0]
            drawn = _of_feature(min(view.readers[feature], key=lambda each: each.rows), feature)
            found[f"{table.module}/{table.name}"] = hottest_ids(drawn, table.replicated_rows)
    return found
