"""The cache of rows against a plain tensor, and against a cache simulated row by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from effort import examples
from hypothesis import given
from hypothesis import strategies as st

from shardplan.errors import MemoryExceeded
from shardplan.executor.memory.cache_directory import MOST_WAYS
from shardplan.executor.memory.memory_pool import MemoryPool
from shardplan.executor.memory.row_cache import RowCache
from shardplan.executor.memory.row_store import ResidentRows
from shardplan.workload.dtype import Dtype
from shardplan.workload.training import CacheAlgorithm

ROWS, COLUMNS = 300, 4


def stage(cache: RowCache, rows: Any) -> Any:
    """Each row read by one id."""
    rows = torch.as_tensor(rows)
    return cache.stage(rows, torch.ones_like(rows))


def tower(
    slots: list[int], algorithm: CacheAlgorithm, has_map: bool = False
) -> tuple[RowCache, Any]:
    """Caches of these many slots over each other, over a tensor that counts its rows."""
    values = torch.arange(ROWS * COLUMNS, dtype=torch.float32).view(ROWS, COLUMNS)
    lowest = ResidentRows(values.clone(), "cpu")
    tier: Any = lowest
    pool = MemoryPool("hbm")
    for count in reversed(slots):
        tier = RowCache(
            tier, pool, ROWS, count, COLUMNS, Dtype.FP32, algorithm=algorithm, has_map=has_map
        )
    return tier, values


@examples(60)
@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=2),
    st.sampled_from(CacheAlgorithm),
    st.booleans(),
    st.integers(0, 2**20),
)
def test_rows_read_are_the_rows_last_written(
    slots: list[int], algorithm: CacheAlgorithm, has_map: bool, seed: int
) -> None:
    """Two batches in flight at any time, as with prefetching; each writes the rows that it read."""
    cache, expected = tower(slots, algorithm, has_map)
    random = np.random.default_rng(seed)
    waiting: list[Any] = []
    for _ in range(12):
        rows = torch.from_numpy(np.unique(random.zipf(1.3, 40) % ROWS))
        waiting.append((rows, stage(cache, rows)))
        if len(waiting) < 2:
            continue
        rows, slots_of_rows = waiting.pop(0)
        values = cache.read(rows)
        assert torch.equal(values, expected[rows])
        expected[rows] += 1000
        cache.write(rows, values + 1000)
        cache.release(slots_of_rows)
    assert torch.equal(cache.settled(), expected)
    everything = torch.arange(ROWS)
    assert torch.equal(cache.read(everything), expected)


def simulated_hits(batches: list[Any], sets: int, ways: int, algorithm: CacheAlgorithm) -> int:
    """Hits of a set-associative cache, one row at a time."""
    lines: list[set[int]] = [set() for _ in range(sets)]
    worth = [0] * ROWS
    hits = 0
    for now, rows in enumerate(batches):
        batch = {int(row) for row in rows}
        for row in batch:
            hits += row in lines[_set_of(row, sets)]
            worth[row] = worth[row] + 1 if algorithm is CacheAlgorithm.LFU else now
        for row in sorted(batch, key=lambda row: (-worth[row], row)):
            line = lines[_set_of(row, sets)]
            if row not in line and len(line) == ways:
                others = sorted(line - batch, key=worth.__getitem__)
                if not others or (
                    algorithm is CacheAlgorithm.LFU and worth[others[0]] > worth[row]
                ):
                    continue
                line.remove(others[0])
            line.add(row)
    return hits


def _set_of(row: int, sets: int) -> int:
    high = (row * 0x9E3779B97F4A7C15 % 2**64) >> 33
    return (high * sets) >> 31


@pytest.mark.parametrize("algorithm", list(CacheAlgorithm))
def test_hits_are_those_of_a_cache_simulated_row_by_row(algorithm: CacheAlgorithm) -> None:
    """With one set, so that which way a row takes does not matter but for ties."""
    slots = 3 * MOST_WAYS
    cache, _ = tower([slots], algorithm)
    random = np.random.default_rng(1)
    batches = [np.unique(random.zipf(1.2, 30) % ROWS) for _ in range(200)]
    for rows in batches:
        cache.release(stage(cache, rows))
    hits = simulated_hits(batches, 3, MOST_WAYS, algorithm)
    total = sum(len(rows) for rows in batches)
    assert cache.counters.hits + cache.counters.misses == total
    # Rows worth the same may leave in another order.
    assert abs(cache.counters.hits - hits) <= 0.02 * total
    assert cache.counters.hits > 0.3 * total


def test_neighbouring_rows_spread_evenly_over_the_sets() -> None:
    cache, _ = tower([4 * MOST_WAYS], "lru")
    slots = stage(cache, torch.arange(100, 100 + 3 * MOST_WAYS))
    assert int((slots >= 0).sum()) == 3 * MOST_WAYS


def test_a_row_in_use_stays_where_it_is() -> None:
    cache, _ = tower([2], "lru")
    first = torch.tensor([7, 8])
    slots = stage(cache, first)
    assert stage(cache, [9]).tolist() == [-1]
    cache.release(slots)
    assert stage(cache, [9]).tolist() != [-1]
    assert cache.counters.bypassed == 1


def test_a_pool_gives_no_more_than_it_has() -> None:
    pool = MemoryPool("hbm", 1000)
    pool.allocate((10, 10), torch.float32, "weights")
    with pytest.raises(MemoryExceeded, match="hbm holds 400 of 1,000 bytes; cache needs 800 more"):
        pool.allocate((100,), torch.int64, "cache")
    pool.release(400, "weights")
    pool.allocate((100,), torch.int64, "cache")
    assert pool.peak_bytes == 800
