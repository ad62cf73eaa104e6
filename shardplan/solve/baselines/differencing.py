"""The largest differencing method: numbers into k sets of nearly equal sums."""

from __future__ import annotations

from heapq import heapify, heappop, heapreplace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class _Part(NamedTuple):
    """One set of a partial partition."""

    total: float
    members: list[int]


def difference(values: NDArray[np.float64], k: int) -> list[list[int]]:
    """k lists of indices of ``values``, some perhaps empty, whose sums are nearly equal.

    Karmarkar and Karp, "The differencing method of set partitioning" (1982), for k sets: of the
    partial partitions, all single numbers at first, the two with the largest spread are merged, the
    heaviest set of one with the lightest of the other. O(n k log k).
    """
    # A partition lists its non-empty sets, heaviest first; the index breaks ties.
    heap = [(-float(value), i, [_Part(float(value), [i])]) for i, value in enumerate(values)]
    if k == 1 or not heap:
        return [list(range(len(heap))), *([] for _ in range(k - 1))]
    heapify(heap)
    while len(heap) > 1:
        _, index, first = heappop(heap)
        parts = _merged(first, heap[0][2], k)
        lightest = parts[-1].total if len(parts) == k else 0.0
        heapreplace(heap, (lightest - parts[0].total, index, parts))
    parts = heap[0][2]
    return [part.members for part in parts] + [[] for _ in range(k - len(parts))]


def _merged(a: list[_Part], b: list[_Part], k: int) -> list[_Part]:
    """k sets of each, heaviest with lightest; both list their non-empty sets, heaviest first."""
    alone_a, alone_b = min(len(a), k - len(b)), min(len(b), k - len(a))
    both = [
        _Part(x.total + y.total, x.members + y.members)
        for x, y in zip(a[alone_a:], reversed(b[alone_b:]), strict=True)
    ]
    return sorted([*a[:alone_a], *both, *b[:alone_b]], key=lambda part: -part.total)
