"""Weights that depend on the table, the row and the column alone, however the table is cut."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from shardplan.executor.tensors.random_numbers import table_key, uniform

if TYPE_CHECKING:
    from shardplan.executor.planned.planned_table import PlannedShard, PlannedTable
    from shardplan.executor.tensors.tensor import Tensor

_CHUNK_NUMBERS = 1 << 20
"""Numbers made at once: bounds the memory that making them takes."""


def fill_initial(weights: Tensor, table: PlannedTable, shard: PlannedShard, seed: int) -> None:
    """Fill a shard of a table with numbers uniform between its bounds.

    Without bounds of its own they are ``+-1 / sqrt(rows)``, as in TorchRec. Bounds that are one
    number give that number.
    Number ``row * dim + column`` of the table is a hash of itself and of the table's name.
    """
    key = table_key(table.module, table.name, seed)
    usual = 1 / math.sqrt(table.rows)
    low, high = table.init_bounds or (-usual, usual)
    middle, spread = (low + high) / 2, (high - low) / 2
    columns = torch.arange(shard.columns, device=weights.device) + shard.column_offset
    step = max(1, _CHUNK_NUMBERS // shard.columns)
    for start in range(0, shard.rows, step):
        end = min(start + step, shard.rows)
        rows = torch.arange(start, end, device=weights.device) + shard.row_offset
        counters = rows.unsqueeze(1) * table.dim + columns
        weights[start:end] = (uniform(counters, key) * 2 - 1) * spread + middle
