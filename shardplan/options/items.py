"""Tables that are placed as one: those that a constraint keeps together, and each other alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, NamedTuple

import networkx as nx
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.options.constraint import Constraint
    from shardplan.options.option_set import OptionSet
    from shardplan.workload.workload import Workload

_MOST_KERNEL_MIXES = 64
"""Mixes of kernels tried within a group of tables; beyond, all tables of it share one kernel."""


@dataclass(frozen=True)
class Items:
    """The items of a problem."""

    tables: tuple[tuple[int, ...], ...]
    """The tables of each item, rising; items in the order of their first tables."""
    of_table: NDArray[np.int64]
    """The item of each table."""
    apart: tuple[NDArray[np.int64], ...]
    """Groups of items that may not meet on a device."""

    def label(self, item: int, workload: Workload) -> str:
        """What messages call an item: ``table a`` or ``tables a, b (together)``."""
        names = [workload.tables[table].label for table in self.tables[item]]
        return f"table {names[0]}" if len(names) == 1 else f"tables {', '.join(names)} (together)"


def group_items(
    table_count: int,
    constraints: Sequence[Constraint],
    containers: Sequence[tuple[int, ...]] = (),
) -> Items:
    """Join tables that are kept together, directly or through a third one, or in one container."""
    graph: nx.Graph[int] = nx.Graph()
    for constraint in constraints:
        if constraint.together:
            nx.add_path(graph, constraint.tables)
    for container in containers:
        nx.add_path(graph, container)
    leader = np.arange(table_count)
    groups = {min(group): tuple(sorted(group)) for group in nx.connected_components(graph)}
    for first, group in groups.items():
        leader[list(group)] = first
    leaders, of_table = np.unique(leader, return_inverse=True)
    tables = tuple(groups.get(first, (first,)) for first in leaders.tolist())
    apart = tuple(
        np.unique(of_table[list(constraint.tables)])
        for constraint in constraints
        if constraint.apart and len(constraint.tables) > 1
    )
    return Items(tables, of_table, apart)


def item_options(options: OptionSet, items: Items) -> NDArray[np.int64]:
    """(n, most tables of an item): in each row the options, one per table, of one way to place it.

    Tables of an item are cut alike (same type, same number of column shards), so that the j-th
    shard of each is on the same device; their kernels may differ, unless they are cached. Rows are
    in the order of items and padded with -1. An item without a common way has no row.
    """
    most = max(len(group) for group in items.tables)
    single = np.array([len(group) == 1 for group in items.tables])
    item = items.of_table[options.table]
    alone = np.flatnonzero(single[item])
    rows = np.full((len(alone), most), -1, dtype=np.int64)
    rows[:, 0] = alone
    joint = [
        [*row, *[-1] * (most - len(row))]
        for cuts in _by_cut(options, items, ~single)
        for row in _joint_rows(options, cuts)
    ]
    members = np.concatenate([rows, np.array(joint, dtype=np.int64).reshape(-1, most)])
    return members[np.argsort(item[members[:, 0]], kind="stable")]


def _joint_rows(options: OptionSet, by_cut: Sequence[_Cuts]) -> Iterator[tuple[int, ...]]:
    """One row per cut that all tables of an item share, and mix of their kernels.

    Where one is cached all are, by caches of the same size, so that they are mixed alike.
    """
    for cut, first in by_cut[0].items():
        choices = [first, *(cuts.get(cut, _Choices([], {})) for cuts in by_cut[1:])]
        plain = [choice.plain for choice in choices]
        if prod(map(len, plain)) <= _MOST_KERNEL_MIXES:
            yield from product(*plain)
        else:
            yield from _of_one_kernel(options, plain)
        for size in first.cached:
            if all(size in choice.cached for choice in choices):
                yield tuple(choice.cached[size] for choice in choices)


def _of_one_kernel(options: OptionSet, plain: Sequence[list[int]]) -> Iterator[tuple[int, ...]]:
    """The mixes of some options of each table in which all have the same kernel."""
    of_table = [{int(options.kernel[row]): row for row in rows} for rows in plain]
    for kernel in of_table[0]:
        if all(kernel in rows for rows in of_table):
            yield tuple(rows[kernel] for rows in of_table)


class _Choices(NamedTuple):
    """The options of one table under one cut."""

    plain: list[int]
    cached: dict[tuple[int, float, float], int]
    """By kernel and shares; those of dynamic tables, whose shares are in step, by their order."""


_Cuts = dict[tuple[int, int], _Choices]
"""The options of a table by sharding type and number of column shards."""


def _by_cut(options: OptionSet, items: Items, wanted: NDArray[np.bool_]) -> Iterator[list[_Cuts]]:
    """Of each item that is ``wanted`` (items,), the cuts of its tables."""
    of_table: dict[int, _Cuts] = {}
    is_cached = options.has_kernel(lambda kernel: kernel.caches)
    is_dynamic = options.has_kernel(lambda kernel: kernel.is_dynamic)
    for row in np.flatnonzero(wanted[items.of_table[options.table]]).tolist():
        cuts = of_table.setdefault(int(options.table[row]), {})
        cut = int(options.sharding[row]), int(options.column_shards[row])
        choices = cuts.setdefault(cut, _Choices([], {}))
        if is_dynamic[row]:
            kernel = int(options.kernel[row])
            order = sum(kernel == other for other, *_ in choices.cached)
            choices.cached[kernel, order, 0] = row
        elif is_cached[row]:
            shares = float(options.hbm_share[row]), float(options.ddr_share[row])
            choices.cached[int(options.kernel[row]), *shares] = row
        else:
            choices.plain.append(row)
    for number in np.flatnonzero(wanted).tolist():
        yield [of_table.get(table, {}) for table in items.tables[number]]
