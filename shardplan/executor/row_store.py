"""Where rows live: weights and optimizer state of each, which always move together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch

from shardplan.executor.tensor import DTYPES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.executor.memory_pool import MemoryPool
    from shardplan.executor.tensor import Tensor

WEIGHT = "weight"
"""The field that is looked up; the others are the optimizer's."""

Fields = dict[str, Any]
"""Tensors by name, all of as many rows."""


@dataclass(frozen=True, slots=True)
class RowFormat:
    """What a row is made of."""

    columns: int
    dtype: str
    """Of the weights, by its name in a plan; state is fp32 whatever the weights are."""
    state: Mapping[str, int]
    """Numbers of state beside each row, by name."""

    @property
    def row_bytes(self) -> int:
        """Bytes of a row with its state."""
        weights = self.columns * int(DTYPES[self.dtype].itemsize)
        return weights + 4 * sum(self.state.values())

    def allocate(self, pool: MemoryPool, rows: int, use: str = "shards") -> Fields:
        """Zeros for so many rows. Raises MemoryExceeded before the first byte where too many."""
        pool.require(rows * self.row_bytes, use)
        fields = {WEIGHT: pool.allocate((rows, self.columns), DTYPES[self.dtype], use)}
        for name, columns in self.state.items():
            fields[name] = pool.allocate((rows, columns), torch.float32, use)
        return fields


class RowStore(Protocol):
    """Rows that can be read and written by number, wherever each of them lies."""

    def read(self, rows: Tensor) -> Fields:
        """Copies of distinct rows, on the device."""

    def write(self, rows: Tensor, fields: Fields) -> None:
        """Replace distinct rows."""

    def stage(self, rows: Tensor) -> None:
        """Bring distinct rows as near as they can be, and keep them there until released."""

    def release(self, rows: Tensor) -> None:
        """Let staged rows go again."""

    def settled(self) -> Fields:
        """All rows in order, in the tier that holds the table; valid until the next write."""

    def forget(self) -> None:
        """Drop every copy above that tier, whose rows somebody else has replaced."""


class ResidentStore:
    """Rows that lie in one tier, all of them: HBM, or DDR that is read over the host link."""

    def __init__(self, fields: Fields, device: Any) -> None:
        self.fields = fields
        self._device = torch.device(device)

    @property
    def is_direct(self) -> bool:
        """Whether the weights can be looked up where they are, with sums in fp32."""
        weights = self.fields[WEIGHT]
        return bool(weights.dtype == torch.float32 and weights.device.type == self._device.type)

    def read(self, rows: Tensor) -> Fields:
        """Copies of distinct rows, on the device."""
        return {name: _taken(field, rows, self._device) for name, field in self.fields.items()}

    def write(self, rows: Tensor, fields: Fields) -> None:
        """Replace distinct rows."""
        for name, field in self.fields.items():
            place = rows.to(field.device)
            field.index_copy_(0, place, fields[name].to(field.device, field.dtype))

    def stage(self, rows: Tensor) -> None:
        """Nothing is nearer than where they are."""

    def release(self, rows: Tensor) -> None:
        """Nothing was staged."""

    def settled(self) -> Fields:
        """The rows themselves."""
        return self.fields

    def forget(self) -> None:
        """There are no copies."""


def _taken(field: Tensor, rows: Tensor, device: Any) -> Tensor:
    return field.index_select(0, rows.to(field.device)).to(device)
