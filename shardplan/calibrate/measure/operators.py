"""The passes over the tables of one device, in PyTorch's own operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional

from shardplan.workload.drawn.drawn_ids import draw_ids, draw_lengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.workload.table import Table

Tensor = Any
"""A tensor of PyTorch, which is typed only where it is installed."""
Bags = tuple[Tensor, Tensor]
"""Ids, and the offsets at which each sample's begin."""

_LEARNING_RATE = 1e-3
_LINE_ELEMENTS = 16
"""Tables begin where a cache line of 64 bytes does."""


class EmbeddingTables:
    """Tables in the memory of one device, looked up and updated together.

    Pooled outputs of all tables stand side by side, one row per sample, as they are sent. The
    update is SGD on the distinct rows of the batch, each once, as fused kernels do it: ids are
    sorted, each row's gradient is summed over the samples that read it, and the row is written.
    """

    def __init__(
        self, tables: Sequence[Table], device: Tensor, memory: Tensor | None = None
    ) -> None:
        """Tables of ones, one after the other in ``memory``, a vector of fp32, where given."""
        sizes = [memory_elements([table]) for table in tables]
        if memory is None:
            memory = torch.empty(sum(sizes), device=device)
        parts = memory[: sum(sizes)].fill_(1.0).split(sizes)
        self._weights = [
            part[: table.rows * table.dim].view(table.rows, table.dim)
            for part, table in zip(parts, tables, strict=True)
        ]

    @property
    def widths(self) -> list[int]:
        """Columns of each table."""
        return [weight.shape[1] for weight in self._weights]

    def lookup(self, bags: Sequence[Bags]) -> Tensor:
        """(samples, columns of all tables): the sum of each sample's rows."""
        pooled = [
            functional.embedding_bag(ids, weight, offsets, mode="sum")
            for weight, (ids, offsets) in zip(self._weights, bags, strict=True)
        ]
        return torch.cat(pooled, dim=1)

    def update(self, bags: Sequence[Bags], gradient: Tensor) -> None:
        """Update the rows that ``bags`` read by the gradient of their outputs."""
        parts = gradient.split(self.widths, dim=1)
        for weight, (ids, offsets), part in zip(self._weights, bags, parts, strict=True):
            if ids.numel():
                _update(weight, ids, offsets, part)


def _update(weight: Tensor, ids: Tensor, offsets: Tensor, gradient: Tensor) -> None:
    ends = torch.cat([offsets[1:], offsets.new_tensor([ids.numel()])])
    sample_of_id = torch.arange(len(offsets), device=ids.device).repeat_interleave(
        ends - offsets,
        output_size=ids.numel(),  # or the host would wait for the device to tell
    )
    by_row, order = torch.sort(ids, stable=True)
    rows, counts = torch.unique_consecutive(by_row, return_counts=True)
    # A bag per row, of the samples that read it: sums gradients without a copy for each id.
    sums = functional.embedding_bag(
        sample_of_id[order], gradient.contiguous(), counts.cumsum(0) - counts, mode="sum"
    )
    weight.index_add_(0, rows, sums, alpha=-_LEARNING_RATE)


def memory_elements(tables: Sequence[Table]) -> int:
    """Elements of fp32 that tables fill when they lie one after the other."""
    return sum(-(-table.rows * table.dim // _LINE_ELEMENTS) * _LINE_ELEMENTS for table in tables)


def draw_bags(tables: Sequence[Table], samples: int, device: Tensor, seed: int = 0) -> list[Bags]:
    """Random ids of each table, as its access pattern says."""
    random = np.random.default_rng(seed)
    bags = []
    for table in tables:
        lengths = draw_lengths(table, samples, random)
        ids = draw_ids(table, int(lengths.sum()), random)
        offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
        bags.append((torch.from_numpy(ids).to(device), torch.from_numpy(offsets).to(device)))
    return bags
