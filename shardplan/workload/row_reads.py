"""What batches read of the rows of tables, for all tables of a workload at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from shardplan.workload.access import Zipf
from shardplan.workload.stacked_rows import StackedRows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.workload.access import Access
    from shardplan.workload.row_distribution import RowDistribution
    from shardplan.workload.table import Table

    _Key = tuple[int, float, Access]
    """Rows, pooling and access of a table."""

_CELLS_AT_ONCE = 2**20
"""Classes of rows that lie side by side in memory."""


def row_distributions(tables: Sequence[Table]) -> tuple[RowDistribution, ...]:
    """How likely each row of each table is to be read.

    Tables alike in rows, pooling and access share one.
    """
    keys = [(table.rows, table.pooling, table.access) for table in tables]
    known = _of_zipf({key for key in keys if isinstance(key[2], Zipf)})
    for key in keys:
        if key not in known:
            rows, pooling, access = key
            known[key] = access.distribution(rows, pooling)
    return tuple(known[key] for key in keys)


def _of_zipf(keys: Iterable[_Key]) -> dict[_Key, RowDistribution]:
    """The distributions of tables read by Zipf's law."""
    by_access: dict[Zipf, list[_Key]] = {}
    for key in keys:
        by_access.setdefault(cast("Zipf", key[2]), []).append(key)
    found: dict[_Key, RowDistribution] = {}
    for access, own in by_access.items():
        found |= zip(own, access.distributions([key[0] for key in own]), strict=True)
    return found


def unique_rows(
    distributions: Sequence[RowDistribution], draws: NDArray[np.float64]
) -> NDArray[np.float64]:
    """(T,): distinct rows of each table that ``draws[t]`` accesses are expected to touch."""
    readings = _Readings.of(distributions, np.arange(len(distributions)), draws)
    found = np.zeros(len(readings.draws))
    for some in readings.alike():
        found[some] = readings.stacked(distributions, some).unique_rows()
    of_table: NDArray[np.float64] = found[readings.of_access]
    return of_table


def fetches(
    distributions: Sequence[RowDistribution],
    table: NDArray[np.int32],
    draws: NDArray[np.float64],
    cached_rows: NDArray[np.float64],
) -> NDArray[np.float64]:
    """(O,): of ``draws[o]`` accesses to ``table[o]``, those that ``cached_rows[o]`` rows miss."""
    readings = _Readings.of(distributions, table, draws)
    order = np.argsort(readings.of_access, kind="stable")
    edges = np.searchsorted(readings.of_access[order], np.arange(len(readings.draws) + 1))
    counts = np.diff(edges)
    found = np.zeros(len(table))
    for some in readings.alike():
        member = np.repeat(np.arange(len(some)), counts[some])
        nth = np.arange(len(member)) - np.repeat(
            np.cumsum(counts[some]) - counts[some], counts[some]
        )
        option = order[np.repeat(edges[some], counts[some]) + nth]
        stacked = readings.stacked(distributions, some)
        found[option] = stacked.fetches(member, cached_rows[option])
    return found


@dataclass(frozen=True, eq=False, slots=True)
class _Readings:
    """n pairs of a distribution and a number of accesses, each of them once."""

    distribution: NDArray[np.int64]
    """(n,): the first one that is the same."""
    draws: NDArray[np.float64]
    """(n,)"""
    classes: NDArray[np.int64]
    """(n,): how many the distribution has."""
    of_access: NDArray[np.int64]
    """(O,): which pair each access was."""

    @classmethod
    def of(
        cls,
        distributions: Sequence[RowDistribution],
        table: NDArray[np.int32] | NDArray[np.int64],
        draws: NDArray[np.float64],
    ) -> _Readings:
        """Of (O,) accesses, each to the distribution of a ``table``."""
        used, of_used = np.unique(table, return_inverse=True)
        known: dict[int, int] = {}
        first = [known.setdefault(id(distributions[each]), each) for each in used.tolist()]
        alike = np.array(first, dtype=np.int64)[of_used.reshape(-1)]
        order = np.lexsort((draws, alike))
        is_new = np.ones(len(order), dtype=bool)
        is_new[1:] = (np.diff(alike[order]) != 0) | (np.diff(draws[order]) != 0)
        of_access = np.empty(len(order), dtype=np.int64)
        of_access[order] = np.cumsum(is_new) - 1
        distribution = alike[order][is_new]
        classes = np.array([len(distributions[each].counts) for each in distribution.tolist()], int)
        return cls(distribution, draws[order][is_new], classes, of_access)

    def alike(self) -> Iterator[NDArray[np.int64]]:
        """Numbers of pairs whose distributions have as many classes, not too many at once."""
        order = np.argsort(self.classes, kind="stable")
        for same in np.split(order, np.flatnonzero(np.diff(self.classes[order])) + 1):
            many = max(1, _CELLS_AT_ONCE // int(self.classes[same[0]])) if len(same) else 1
            for begin in range(0, len(same), many):
                yield same[begin : begin + many]

    def stacked(
        self, distributions: Sequence[RowDistribution], some: NDArray[np.int64]
    ) -> StackedRows:
        """Some pairs side by side."""
        chosen = [distributions[each] for each in self.distribution[some].tolist()]
        return StackedRows.of(chosen, self.draws[some])
