"""What the time of a fused kernel over some tables on one device is made of."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.analytic.lookup import OUTPUT_ELEMENT_BYTES, LookupSums
from shardplan.cost.analytic.memory import INDEX_BYTES
from shardplan.cost.analytic.shares import Shares
from shardplan.cost.profile.profile import LookupRates
from shardplan.workload.row_reads import fetches, row_distributions, unique_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.calibrate.measurements.table_set import TableSet
    from shardplan.workload.optimizers.optimizer import Optimizer
    from shardplan.workload.table import Table

_SUM_OF_RATE = {
    "per_table": "tables",
    "per_id": "ids",
    "per_read_byte": "read_bytes",
    "per_cached_byte": "cached_bytes",
    "per_fetch": "fetches",
    "per_unique_row": "unique_rows",
    "per_unique_byte": "unique_bytes",
    "per_output_byte": "output_bytes",
    "per_gathered_byte": "gathered_bytes",
}
RATES = tuple(field.name for field in fields(LookupRates))
"""The columns of terms, in order."""


def kernel_terms(
    sets: Sequence[TableSet],
    cache_bytes: int,
    page_bytes: int,
    optimizer: Optimizer | None = None,
) -> NDArray[np.float64]:
    """(sets, rates): what each rate of ``LookupRates`` is multiplied by, for each set of tables.

    With an ``optimizer``, its state is touched with the distinct rows, as in the update.
    """
    owner = np.repeat(np.arange(len(sets)), [len(each.tables) for each in sets])
    tables = [table for each in sets for table in each.tables]
    shares = _shares(tables, np.array([each.batch for each in sets])[owner], cache_bytes)
    columns = np.bincount(owner, shares.columns * _features(tables), len(sets))
    sample_bytes = columns * OUTPUT_ELEMENT_BYTES
    page_share: NDArray[np.float64] = np.zeros(len(sets))
    if page_bytes:
        page_share = np.minimum(1.0, sample_bytes / page_bytes)
    state = optimizer.state().touched.row_bytes(shares.columns) if optimizer else 0
    sums = LookupSums.of(shares, state, page_share[owner])
    terms = [np.bincount(owner, getattr(sums, _SUM_OF_RATE[rate]), len(sets)) for rate in RATES]
    return np.stack(terms, axis=1).astype(np.float64)


def _shares(tables: Sequence[Table], batch: NDArray[np.int64], cache_bytes: int) -> Shares:
    """Each table as one whole shard."""
    distributions = row_distributions(tables)
    columns = np.array([table.dim for table in tables])
    element_bytes = np.array([table.dtype.bytes for table in tables])
    samples = batch.astype(np.float64)
    ids = samples * np.array([table.pooling for table in tables])
    bags = samples * _features(tables)
    every, none = np.arange(len(tables), dtype=np.int32), np.zeros(len(tables), dtype=np.int64)
    missed = fetches(distributions, every, ids, cache_bytes / (columns * element_bytes))
    looked_up = unique_rows(distributions, ids)
    return Shares(
        shards=np.ones(len(tables), dtype=np.int64),
        shard_rows=np.array([table.rows for table in tables]),
        columns=columns,
        element_bytes=element_bytes,
        samples=samples,
        ids=ids,
        id_bytes=np.full(len(tables), INDEX_BYTES),
        features=_features(tables),
        most_ids=ids,
        bags=bags,
        outputs=bags,
        most_outputs=bags,
        output_bytes=np.full(len(tables), OUTPUT_ELEMENT_BYTES),
        is_pooled=np.ones(len(tables), dtype=bool),
        is_mean=np.zeros(len(tables), dtype=bool),
        own_outputs=bags,
        returned_bytes=none,
        map_row_bytes=none,
        map_id_bytes=none.astype(np.float64),
        weight_bytes=none,
        learns_weights=none > 0,
        unique_rows=looked_up,
        rows_of_all=looked_up,
        fetches=missed if cache_bytes else ids,
        missed_rows=np.zeros(len(tables)),
        ssd_rows=np.zeros(len(tables)),
        hit_rates=np.ones(len(tables)),
        ddr_hit_rates=np.ones(len(tables)),
        value_bytes=np.zeros(len(tables), dtype=np.int64),
    )


def _features(tables: Sequence[Table]) -> NDArray[np.int64]:
    return np.array([len(table.features) for table in tables])
