"""Published ways to place whole tables, to compare with: four greedy, differencing.

A table has a cost and a size, a device a capacity; every table lands whole on one device. The four
greedy costs are those of Zha et al., "AutoShard" (KDD 2022) and "DreamShard" (NeurIPS 2022).
"""

from __future__ import annotations

import heapq
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import NoPlanFound
from shardplan.solve.baselines.differencing import difference

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray


_MOST_SUMS = 8
"""Remembered for each device, past ones too, before these are forgotten."""


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
    is_placed = device_of >= 0
    devices = _Devices(capacity)
    for table in np.flatnonzero(is_placed).tolist():
        devices.add(int(device_of[table]), float(cost[table]), float(size[table]))
    for table in _largest_first(cost, size).tolist():
        if not is_placed[table]:
            device = devices.cheapest_with_room(float(size[table]))
            if device < 0:
                raise NoPlanFound(f"no device has room left for table {table}")
            device_of[table] = device
            devices.add(device, float(cost[table]), float(size[table]))
    return device_of


class _Devices:
    """What devices hold so far, the cheapest at hand."""

    def __init__(self, capacity: NDArray[np.float64]) -> None:
        self._capacity = capacity
        self._cost, self._size = np.zeros(len(capacity)), np.zeros(len(capacity))
        self._heap = [(0.0, 0.0, device) for device in range(len(capacity))]
        """The present sums of each device, and sums that it had before."""

    def add(self, device: int, cost: float, size: float) -> None:
        """Put a table there."""
        self._cost[device] += cost
        self._size[device] += size
        sums = float(self._cost[device]), float(self._size[device])
        heapq.heappush(self._heap, (*sums, device))

    def cheapest_with_room(self, size: float) -> int:
        """The device with the lowest cost sum, size sum and number that has room; -1 for none."""
        if len(self._heap) > _MOST_SUMS * len(self._capacity):
            sums = zip(self._cost.tolist(), self._size.tolist(), strict=True)
            self._heap = sorted((*pair, device) for device, pair in enumerate(sums))
        while self._heap:
            cost, held, device = self._heap[0]
            if cost != self._cost[device] or held != self._size[device]:
                heapq.heappop(self._heap)
            elif held + size <= self._capacity[device]:
                return device
            else:
                break
        fits = np.flatnonzero(self._size + size <= self._capacity)
        if not len(fits):
            return -1
        cheapest = fits[self._cost[fits] == self._cost[fits].min()]
        return int(cheapest[self._size[cheapest].argmin()])


def _largest_first(cost: NDArray[np.float64], size: NDArray[np.float64]) -> NDArray[np.intp]:
    return np.lexsort((np.arange(len(cost)), size, cost))[::-1]
