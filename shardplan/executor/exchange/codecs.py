"""Numbers of less than two bytes, several to a scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn.functional import pad

if TYPE_CHECKING:
    from shardplan.executor.tensors.tensor import Tensor

_GROUP = 32
"""Numbers to a scale and a bias of int8, as in FBGEMM's codec."""
_STEPS = 255
_SCALE_BYTES = 8
"""Of a group, or of a row of fp8: two fp32 numbers."""
_LARGEST_FP8 = 448.0
"""Of ``float8_e4m3fn``."""
_FP8_MULTIPLE = 4


class Int8Groups:
    """Each 32 numbers in 255 steps from their least to their largest: 40 bytes."""

    def encoded_bytes(self, numbers: int) -> int:
        """Of whole groups."""
        return -(-numbers // _GROUP) * (_GROUP + _SCALE_BYTES)

    def encode(self, numbers: Tensor) -> Tensor:
        """Groups one after the other, each with its scale and bias behind it."""
        if not numbers.numel():
            return numbers.new_empty(0, dtype=torch.uint8)
        groups = _rows_of(numbers, _GROUP)
        least, largest = groups.aminmax(dim=1, keepdim=True)
        scale = (largest - least) / _STEPS
        steps = (groups - least) / torch.where(scale > 0, scale, torch.ones_like(scale))
        scales = torch.cat([scale, least], dim=1).view(torch.uint8)
        return torch.cat([steps.round_().to(torch.uint8), scales], dim=1).view(-1)

    def decode(self, encoded: Tensor, numbers: int) -> Tensor:
        """The nearest step of each."""
        groups = encoded.view(-1, _GROUP + _SCALE_BYTES)
        scales = groups[:, _GROUP:].contiguous().view(torch.float32)
        values = groups[:, :_GROUP].float() * scales[:, :1] + scales[:, 1:]
        return values.view(-1)[:numbers]


class Fp8Rows:
    """Rows of numbers of four binary digits, the largest of each at the end of their range."""

    def __init__(self, row: int) -> None:
        self._row = row
        self._padded = row + -row % _FP8_MULTIPLE

    def encoded_bytes(self, numbers: int) -> int:
        """Of whole rows."""
        return -(-numbers // self._row) * (self._padded + _SCALE_BYTES)

    def encode(self, numbers: Tensor) -> Tensor:
        """Rows one after the other, each with its scale behind it."""
        if not numbers.numel():
            return numbers.new_empty(0, dtype=torch.uint8)
        rows = _rows_of(numbers, self._row)
        largest = rows.abs().amax(dim=1, keepdim=True)
        scale = torch.where(largest > 0, largest / _LARGEST_FP8, torch.ones_like(largest))
        narrow = (rows / scale).clamp_(-_LARGEST_FP8, _LARGEST_FP8).to(torch.float8_e4m3fn)
        packed = pad(narrow.view(torch.uint8), (0, self._padded - self._row))
        scales = torch.cat([scale, torch.zeros_like(scale)], dim=1).view(torch.uint8)
        return torch.cat([packed, scales], dim=1).view(-1)

    def decode(self, encoded: Tensor, numbers: int) -> Tensor:
        """Times the scale of their row."""
        rows = encoded.view(-1, self._padded + _SCALE_BYTES)
        scale = rows[:, self._padded :].contiguous().view(torch.float32)[:, :1]
        narrow = rows[:, : self._row].contiguous().view(torch.float8_e4m3fn)
        return (narrow.float() * scale).view(-1)[:numbers]


def _rows_of(numbers: Tensor, row: int) -> Tensor:
    """(rows, row) fp32; the last number stands for those that a whole row lacks."""
    numbers = numbers.float()
    lacking = -numbers.numel() % row
    if lacking:
        numbers = torch.cat([numbers, numbers[-1:].expand(lacking)])
    return numbers.view(-1, row)
