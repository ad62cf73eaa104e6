"""Weights that depend on the table, the row and the column alone, however the table is cut."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from shardplan.executor.tensors.random_numbers import table_key, uniform, uniform_double
from shardplan.model.initial_weights import InitialWeights, Normal, Uniform

if TYPE_CHECKING:
    from shardplan.executor.planned.planned_table import PlannedShard, PlannedTable
    from shardplan.executor.tensors.tensor import Tensor

_CHUNK_NUMBERS = 1 << 20
"""Numbers made at once: bounds the memory that making them takes."""


def fill_initial(weights: Tensor, table: PlannedTable, shard: PlannedShard, seed: int) -> None:
    """Fill a shard of a table with numbers as the table begins.

    By default uniform within ``+-1 / sqrt(rows)``, as in TorchRec. Bounds that are one number give
    that number.
    Number ``row * dim + column`` of the table is a hash of itself and of the table's name.
    """
    key = table_key(table.module, table.name, seed)
    usual = 1 / math.sqrt(table.rows)
    initial = table.initial or Uniform(-usual, usual)
    columns = torch.arange(shard.columns, device=weights.device) + shard.column_offset
    step = max(1, _CHUNK_NUMBERS // shard.columns)
    for start in range(0, shard.rows, step):
        end = min(start + step, shard.rows)
        rows = torch.arange(start, end, device=weights.device) + shard.row_offset
        counters = rows.unsqueeze(1) * table.dim + columns
        weights[start:end] = _drawn(initial, counters, key)


def _drawn(initial: InitialWeights, counters: Tensor, key: int) -> Tensor:
    if isinstance(initial, Normal):
        return _normal(initial, counters, key)
    middle, spread = (initial.low + initial.high) / 2, (initial.high - initial.low) / 2
    return (uniform(counters, key) * 2 - 1) * spread + middle


def _normal(initial: Normal, counters: Tensor, key: int) -> Tensor:
    """By the inverse of the distribution function, between those of the bounds."""
    low, high = ((bound - initial.mean) / initial.std for bound in (initial.low, initial.high))
    least, most = (math.erf(bound / math.sqrt(2)) for bound in (low, high))
    # The middle of each of 2^53 steps, so that neither end is reached.
    drawn = (uniform_double(counters, key) + 2.0**-54) * (most - least) + least
    values = torch.erfinv(drawn) * (initial.std * math.sqrt(2)) + initial.mean
    return values.clamp(initial.low, initial.high)
