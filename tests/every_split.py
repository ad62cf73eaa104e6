"""Every plan of a small case on a grid of cache sizes, tried one by one.

Written from what a plan decides and ``predict`` alone: it knows neither options nor problems.
"""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.decision import Decision
from shardplan.plan.predict import predict
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case

_PLACES = (
    (ShardingType.TABLE_WISE, (0,)),
    (ShardingType.TABLE_WISE, (1,)),
    (ShardingType.ROW_WISE, ()),
)
_CHUNK = 100_000


def decisions_of(table: int, shares: Sequence[float]) -> list[Decision]:
    """Every way to place one table on two devices; caches hold, by tier, any of ``shares``."""
    caches: list[tuple[Kernel, float | None, float]] = [
        (Kernel.FUSED, None, 0.0),
        (Kernel.FUSED_UVM, None, 0.0),
    ]
    caches += [(Kernel.FUSED_UVM_CACHING, share, 0.0) for share in shares]
    pairs = [pair for pair in product(shares, (0.0, *shares)) if sum(pair) <= 0.9]
    caches += [(Kernel.KEY_VALUE, *pair) for pair in pairs]
    return [
        Decision(table, sharding, kernel, 1, targets, hbm, ddr)
        for sharding, targets in _PLACES
        for kernel, hbm, ddr in caches
    ]


def best_by_force(case: Case, shares: Sequence[float]) -> tuple[float, tuple[Decision, ...]]:
    """Seconds of the fastest step of all that fit, and its decisions; infinite where none does."""
    first, *others = (decisions_of(table, shares) for table in range(len(case.workload.tables)))
    # The devices are alike: where the first table is on the second, another plan mirrors it.
    ways = [[way for way in first if way.targets != _PLACES[1][1]], *others]
    loads, bytes_ = zip(*(_shares_of_plan(case, each) for each in ways), strict=True)
    best, chosen = np.inf, ()
    counts = [len(each) for each in ways]
    for start in range(0, int(np.prod(counts)), _CHUNK):
        numbers = np.arange(start, min(start + _CHUNK, int(np.prod(counts))))
        picks = np.unravel_index(numbers, counts)
        fits = _fits(case, sum(part[pick] for part, pick in zip(bytes_, picks, strict=True)))
        if not fits.any():
            continue
        picks = [pick[fits] for pick in picks]
        seconds = _steps(case, sum(part[pick] for part, pick in zip(loads, picks, strict=True)))
        found = int(seconds.argmin())
        if seconds[found] < best:
            best = float(seconds[found])
            chosen = tuple(way[pick[found]] for way, pick in zip(ways, picks, strict=True))
    return best, chosen


def _shares_of_plan(
    case: Case, ways: Sequence[Decision]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(ways, 2, P) seconds and (ways, 2, 3) bytes of each way alone, without the constants."""
    nothing = predict(case, ())
    found = [predict(case, (way,)) for way in ways]
    seconds = np.array([each.rank_seconds - nothing.rank_seconds for each in found])
    memory = np.array([each.rank_memory_bytes - nothing.rank_memory_bytes for each in found])
    return seconds, memory


def _fits(case: Case, memory: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,): of (n, 2, 3) bytes, whether HBM suffices on both devices, and DDR and SSD in all."""
    free = case.capacity.free_bytes
    in_hbm = (memory[:, :, 0] <= free[0]).all(axis=1)
    in_node = (memory[:, :, 1:].sum(axis=1) <= free[1:]).all(axis=1)
    fits: NDArray[np.bool_] = in_hbm & in_node
    return fits


def _steps(case: Case, loads: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n,): of (n, 2, P) seconds, the step: the longer of what hides and what does not."""
    nothing = predict(case, ())
    overlapped = np.array([phase.overlapped for phase in nothing.phases])
    slowest = (loads + nothing.rank_seconds).max(axis=1)
    critical = slowest[:, ~overlapped].sum(axis=1) + nothing.dense_seconds
    hidden = slowest[:, overlapped].sum(axis=1)
    return np.maximum(critical, hidden)
