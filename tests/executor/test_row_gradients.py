"""Gradients summed by row, wherever in memory the gradients of the bags lie."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from shardplan.executor.batch.bags import Bags
from shardplan.executor.kernels.compiled_rows import CompiledRows, compiled_rows
from shardplan.executor.tables.row_gradients import RowGradients

RANKS, SLOTS, SAMPLES, COLUMNS, ROWS = 2, 3, 5, 4, 11


@pytest.fixture(params=["PyTorch's kernels", "compiled loops"])
def compiled(request: pytest.FixtureRequest) -> CompiledRows | None:
    found = compiled_rows() if request.param == "compiled loops" else None
    if found is None and request.param == "compiled loops":
        pytest.skip("numba compiles nothing here")
    return found


@pytest.mark.parametrize("gap", [0, 8, 7], ids=["nothing", "whole rows", "parts of rows"])
def test_each_row_gets_the_gradients_of_the_bags_that_read_it(
    gap: int, compiled: CompiledRows | None
) -> None:
    """With as many numbers of others between the ranks' parts of the buffer."""
    random = torch.Generator().manual_seed(gap)
    own = SLOTS * SAMPLES * COLUMNS
    buffer = torch.randn((RANKS, own + gap), generator=random)
    gradient = buffer[:, gap:].unflatten(1, (SLOTS, SAMPLES, COLUMNS))
    lengths = torch.randint(0, 4, (RANKS, SLOTS, SAMPLES), generator=random)
    ids = torch.randint(0, ROWS, (int(lengths.sum()),), generator=random)
    expected = np.zeros((ROWS, COLUMNS), np.float32)
    bags = gradient.reshape(-1, COLUMNS).numpy().repeat(lengths.view(-1).numpy(), axis=0)
    for row, of_bag in zip(ids.tolist(), bags, strict=True):
        expected[row] += of_bag
    found = np.zeros_like(expected)
    summed = RowGradients(Bags(ids, lengths, ROWS), [gradient], compiled)
    for cut, sums in summed.chunks():
        found[summed.rows[cut].numpy()] = sums.numpy()
    assert (found == expected).all()
    assert summed.rows.tolist() == sorted(set(ids.tolist()))
    filled = torch.full((len(summed.rows), COLUMNS), torch.nan)
    summed.fill(filled)
    assert (filled.numpy() == expected[summed.rows.numpy()]).all()


@pytest.mark.parametrize("start", [COLUMNS, 1], ids=["in place", "copied"])
def test_columns_of_an_output_are_read_as_the_gradients_of_its_samples(
    start: int, compiled: CompiledRows | None
) -> None:
    """Of two features, the later one first."""
    output = torch.randn((SAMPLES, 3 * COLUMNS), generator=torch.Generator().manual_seed(0))
    gradients = [output[:, first : first + COLUMNS] for first in (2 * COLUMNS, start)]
    bags = Bags(torch.arange(2 * SAMPLES), torch.ones(2, SAMPLES).long(), 2 * SAMPLES)
    ((_, sums),) = RowGradients(bags, gradients, compiled).chunks()
    assert torch.equal(sums, torch.cat(gradients))
