"""Keys in ascending order, those that go with equal ones as they came."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")

import torch

from shardplan.executor.tensors.sorting import sorted_pairs, stable_order


@pytest.mark.parametrize("end", [1, 200, 1 << 16, (1 << 16) + 1, 1 << 20, 1 << 40])
@pytest.mark.parametrize("count", [0, 1, 500, 40_000])
def test_keys_are_ordered_as_by_a_stable_sort_of_whole_numbers(end: int, count: int) -> None:
    random = torch.Generator().manual_seed(count)
    few = torch.randint(0, end, (max(1, count // 3),), generator=random)
    few[0] = end - 1
    keys = few[torch.randint(0, len(few), (count,), generator=random)]
    expected = sorted(range(count), key=keys.tolist().__getitem__)
    assert stable_order(keys, end).tolist() == expected


@pytest.mark.parametrize("row_end", [1, 200, 1 << 16, 1 << 20, 1 << 40, 1 << 60])
@pytest.mark.parametrize("count", [0, 1, 500, 40_000])
def test_pairs_are_ordered_by_row_and_then_by_number(row_end: int, count: int) -> None:
    random = torch.Generator().manual_seed(count)
    few = torch.randint(0, row_end, (max(1, count // 3),), generator=random)
    few[0] = row_end - 1
    rows = few[torch.randint(0, len(few), (count,), generator=random)]
    given = rows.clone()
    numbers = torch.randint(0, count + 1, (count,), generator=random).sort().values
    found = sorted_pairs(rows, numbers, row_end, count + 1)
    pairs = list(zip(*(each.tolist() for each in found), strict=True))
    assert pairs == sorted(zip(rows.tolist(), numbers.tolist(), strict=True))
    assert torch.equal(rows, given)
