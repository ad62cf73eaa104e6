"""Keys in ascending order, equal ones as they came."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from shardplan.executor.tensors.sorting import stable_order, stable_sort


@pytest.mark.parametrize("end", [1, 200, 1 << 16, (1 << 16) + 1, 1 << 20, 1 << 40])
@pytest.mark.parametrize("count", [0, 1, 500, 40_000])
def test_keys_are_ordered_as_by_a_stable_sort_of_whole_numbers(end: int, count: int) -> None:
    random = torch.Generator().manual_seed(count)
    few = torch.randint(0, end, (max(1, count // 3),), generator=random)
    few[0] = end - 1
    keys = few[torch.randint(0, len(few), (count,), generator=random)]
    expected = sorted(range(count), key=keys.tolist().__getitem__)
    assert stable_order(keys, end).tolist() == expected
    ascending, order = stable_sort(keys, end)
    assert order.tolist() == expected
    assert ascending.tolist() == sorted(keys.tolist())
