"""Where rows live: read and written by number, whatever tier each of them is in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from shardplan.executor.tensors.tensor import Device, Tensor


class Tier(Protocol):
    """Rows of one shard or several, in a tier of memory and those below it."""

    def read(self, rows: Tensor) -> Tensor:
        """Copies of distinct rows; nothing moves."""

    def write(self, rows: Tensor, values: Tensor) -> None:
        """Replace distinct rows wherever they are."""

    def take(self, rows: Tensor, reads: Tensor) -> Tensor:
        """Copies of distinct rows that the tier above will hold from now on.

        ``reads`` says how many ids of the batch read each row, for the counters.
        """

    def put(self, rows: Tensor, values: Tensor, stamps: Tensor) -> None:
        """Take distinct rows back from the tier above; ``stamps`` say what they are worth."""

    def settled(self) -> Tensor:
        """All rows in order, in the lowest tier; valid until rows are next written."""

    def forget(self) -> None:
        """Drop every copy above the lowest tier, whose rows somebody else has replaced."""


class ResidentRows:
    """A tensor that holds all rows: in HBM, in DDR, or mapped from a file on SSD."""

    def __init__(self, values: Tensor, device: Device) -> None:
        self.values = values
        self._device = torch.device(device)
        # Rows of one number are read as numbers, in a quarter of the time.
        self._rows = values.view(-1) if values.shape[1] == 1 else values

    @property
    def is_direct(self) -> bool:
        """Whether rows can be looked up where they are, with sums in fp32."""
        values = self.values
        return bool(values.dtype == torch.float32 and values.device.type == self._device.type)

    def read(self, rows: Tensor) -> Tensor:
        """Copies of distinct rows, on the device."""
        found = self._rows.index_select(0, rows.to(self._rows.device))
        return found.view(len(rows), self.values.shape[1]).to(self._device)

    def write(self, rows: Tensor, values: Tensor) -> None:
        """Replace distinct rows."""
        here = self._rows.device
        values = values.reshape(len(rows), *self._rows.shape[1:])
        self._rows.index_copy_(0, rows.to(here), values.to(here, self._rows.dtype))

    def add(self, rows: Tensor, changes: Tensor) -> None:
        """Add fp32 numbers to distinct rows; half precision is rounded once."""
        values = self.values
        if values.dtype == torch.float32:
            # Each row once, so that there is no order of adding that could change the sum.
            values.index_add_(0, rows.to(values.device), changes.to(values.device))
        else:
            self.write(rows, self.read(rows).float().add_(changes))

    def take(self, rows: Tensor, reads: Tensor) -> Tensor:
        """Copies: every row keeps its place here while the tier above holds it too."""
        return self.read(rows)

    def put(self, rows: Tensor, values: Tensor, stamps: Tensor) -> None:
        """Write rows back to their places."""
        self.write(rows, values)

    def settled(self) -> Tensor:
        """The rows themselves."""
        return self.values

    def forget(self) -> None:
        """There is nothing above."""
