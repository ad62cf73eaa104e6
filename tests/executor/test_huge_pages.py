"""Host memory of tables."""

from __future__ import annotations

import mmap

import pytest

pytest.importorskip("torch")

import torch

from shardplan.errors import MemoryExceeded
from shardplan.executor.memory.huge_pages import zeros_on_host
from shardplan.executor.memory.memory_pool import MemoryPool

HUGE_PAGE_BYTES = 2 << 20


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
@pytest.mark.parametrize("shape", [(3, 4), (70_001, 16)], ids=["a few rows", "many rows"])
def test_rows_are_zeros_that_lie_one_behind_the_other(
    shape: tuple[int, int], dtype: torch.dtype
) -> None:
    rows = zeros_on_host(shape, dtype)
    assert (rows.shape, rows.dtype) == (shape, dtype)
    assert rows.is_contiguous()
    assert not rows.any()
    rows[-1] += 1
    assert float(rows.sum()) == shape[1]


@pytest.mark.skipif(not hasattr(mmap, "MADV_HUGEPAGE"), reason="the system has no huge pages")
def test_many_rows_begin_with_a_huge_page() -> None:
    assert zeros_on_host((70_001, 16), torch.float32).data_ptr() % HUGE_PAGE_BYTES == 0


def test_more_than_the_machine_has_is_refused_and_not_counted() -> None:
    pool = MemoryPool("hbm")
    with pytest.raises(MemoryExceeded, match="this machine has no room"):
        pool.allocate((1 << 50, 128), torch.float32, "weights")
    assert pool.used_bytes == 0
