"""Published ways to place whole tables, to compare with: four greedy, differencing.

A table has a cost and a size, a device a capacity; every table lands whole on one device. The four
greedy costs are those of Zha et al., "AutoShard" (KDD 2022) and "DreamShard" (NeurIPS 2022).
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import NoPlanFound
from shardplan.solve.baselines.differencing import difference

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


class GreedyCost(StrEnum):
    """What a greedy baseline balances over the devices."""

    DIM = "dim"
    SIZE = "size"
    LOOKUP = "lookup"
    SIZE_LOOKUP = "size_lookup"


def greedy_costs(
    kind: GreedyCost, rows: ArrayLike, dims: ArrayLike, poolings: ArrayLike, sizes: ArrayLike
) -> NDArray[np.float64]:
    """(I,): what each table costs: dim; size; dim * pooling; dim * pooling * log10(rows)."""
    dim, pooling = np.asarray(dims, dtype=np.float64), np.asarray(poolings, dtype=np.float64)
    if kind is GreedyCost.DIM:
        return dim
    if kind is GreedyCost.SIZE:
        return np.asarray(sizes, dtype=np.float64)
    if kind is GreedyCost.LOOKUP:
        return dim * pooling
    return dim * pooling * np.log10(np.asarray(rows, dtype=np.float64))


def place_greedily(costs: ArrayLike, sizes: ArrayLike, capacities: ArrayLike) -> NDArray[np.int64]:
    """(I,): the device of each table, by list scheduling.

    Tables come by falling (cost, size, index); each goes to the device with the lowest cost sum
    among those with room, then the lowest size sum, then the first. ``costs`` and ``sizes`` are
    (I,), ``capacities`` (D,) in the unit of ``sizes``. Raises ``NoPlanFound`` where a table fits on
    no device.
    """
    cost, size = np.asarray(costs, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    return _place(np.full(len(cost), -1), cost, size, np.asarray(capacities, dtype=np.float64))


def place_by_differencing(
    costs: ArrayLike, sizes: ArrayLike, capacities: ArrayLike
) -> NDArray[np.int64]:
    """(I,): the device of each table, by Karmarkar and Karp's largest differencing method.

    Differencing knows no capacities. Its larger sets go to the larger devices; where a device is
    over its capacity all the same, its cheapest tables are placed again as ``place_greedily``
    would. Raises ``NoPlanFound`` where a table then fits on no device.
    """
    cost, size = np.asarray(costs, dtype=np.float64), np.asarray(sizes, dtype=np.float64)
    capacity = np.asarray(capacities, dtype=np.float64)
    groups = difference(cost, len(capacity))
    groups.sort(key=lambda group: -size[group].sum())
    device_of = np.full(len(cost), -1)
    for device, group in zip(np.argsort(-capacity, kind="stable"), groups, strict=True):
        falling = np.array(sorted(group, key=lambda table: (-cost[table], table)), dtype=np.int64)
        kept = falling[np.cumsum(size[falling]) <= capacity[device]]
        device_of[kept] = device
    return _place(device_of, cost, size, capacity)


def _place(
    device_of: NDArray[np.int64],
    cost: NDArray[np.float64],
    size: NDArray[np.float64],
    capacity: NDArray[np.float64],
) -> NDArray[np.int64]:
    """Give the tables without a device (-1) one each, greedily, on top of the tables placed."""
    placed = device_of >= 0
    cost_sum, size_sum = np.zeros(len(capacity)), np.zeros(len(capacity))
    np.add.at(cost_sum, device_of[placed], cost[placed])
    np.add.at(size_sum, device_of[placed], size[placed])
    for table in _largest_first(cost, size):
        if placed[table]:
            continue
        fits = np.flatnonzero(size_sum + size[table] <= capacity)
        if not len(fits):
            raise NoPlanFound(f"no device has room left for table {table}")
        cheapest = fits[cost_sum[fits] == cost_sum[fits].min()]
        device = cheapest[size_sum[cheapest].argmin()]
        device_of[table] = device
        cost_sum[device] += cost[table]
        size_sum[device] += size[table]
    return device_of


def _largest_first(cost: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.lexsort((np.arange(len(cost)), size, cost))[::-1]
