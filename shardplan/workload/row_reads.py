"""What batches read of the rows of tables, for all tables of a workload at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.workload.row_distribution import RowDistribution
    from shardplan.workload.table import Table


def row_distributions(tables: Sequence[Table]) -> tuple[RowDistribution, ...]:
    """How likely each row of each table is to be read.

    Tables alike in rows, pooling and access share one.
    """
    known: dict[object, RowDistribution] = {}
    found = []
    for table in tables:
        key = (table.rows, table.pooling, table.access)
        if key not in known:
            known[key] = table.access.distribution(table.rows, table.pooling)
        found.append(known[key])
    return tuple(found)


def unique_rows(
    distributions: Sequence[RowDistribution], draws: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(T,): distinct rows of each table that ``draws[t]`` accesses are expected to touch."""
    known: dict[tuple[int, float], float] = {}
    found = np.empty(len(distributions))
    for index, (rows, accesses) in enumerate(zip(distributions, draws.tolist(), strict=True)):
        key = (id(rows), accesses)
        if key not in known:
            known[key] = rows.unique_rows(accesses)
        found[index] = known[key]
    return found


def fetches(
    distributions: Sequence[RowDistribution],
    table: NDArray[np.int32],
    draws: NDArray[np.float64],
    cached_rows: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(O,): of ``draws[o]`` accesses to ``table[o]``, those that ``cached_rows[o]`` rows miss."""
    first = {id(rows): index for index, rows in reversed(list(enumerate(distributions)))}
    alike = np.array([first[id(rows)] for rows in distributions])[table]
    order = np.lexsort((draws, alike))
    changes = (np.diff(alike[order]) != 0) | (np.diff(draws[order]) != 0)
    found = np.empty(len(table))
    for group in np.split(order, np.flatnonzero(changes) + 1) if len(order) else ():
        rows = distributions[alike[group[0]]]
        found[group] = rows.fetches(float(draws[group[0]]), cached_rows[group])
    return found
