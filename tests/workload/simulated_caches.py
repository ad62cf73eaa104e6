"""Caches that are run on real streams of ids; every row is counted by itself."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable


def zipf_chances(exponent: float, rows: int) -> np.ndarray:
    """The chance of each row, hottest first."""
    weights = np.arange(1, rows + 1, dtype=np.float64) ** -exponent
    return weights / weights.sum()


def drawn(chances: np.ndarray, draws: int, batches: int) -> Iterable[np.ndarray]:
    """Batches of ids, drawn with these chances."""
    random, upto = np.random.default_rng(0), np.cumsum(chances)
    upto /= upto[-1]
    for _ in range(batches):
        yield np.searchsorted(upto, random.random(draws), side="right")


def least_recently_used(accesses: np.ndarray, room: int, begin: int = 0) -> int:
    """Misses, from access ``begin`` on, of a cache that drops the row not read for longest."""
    held: OrderedDict[int, None] = OrderedDict()
    missed = 0
    for position, row in enumerate(accesses.tolist()):
        if row in held:
            held.move_to_end(row)
            continue
        missed += position >= begin
        held[row] = None
        if len(held) > room:
            held.popitem(last=False)
    return missed


def batch_by_batch(
    batches: Iterable[np.ndarray], rows: int, room: int, begin: int
) -> tuple[float, float]:
    """Share of accesses hit, and distinct rows missed per batch, from batch ``begin`` on.

    After each batch the cache keeps the rows touched last; of rows touched by the same batch those
    that it held already, the others by chance.
    """
    random = np.random.default_rng(1)
    held, last_touch = np.zeros(rows, dtype=bool), np.zeros(rows)
    hits, misses = [], []
    for batch, ids in enumerate(batches):
        touched = np.unique(ids)
        if batch >= begin:
            hits.append(held[ids].mean())
            misses.append(np.count_nonzero(~held[touched]))
        last_touch[touched] = batch + 0.5 * held[touched]
        held[touched] = True
        wanted = np.flatnonzero(held)
        if len(wanted) > room:
            order = last_touch[wanted] + 0.5 * random.random(len(wanted))
            held[wanted[np.argpartition(order, -room)[:-room]]] = False
        last_touch[touched] = batch
    return float(np.mean(hits)), float(np.mean(misses))
