"""Formats of the wire, as this engine makes and reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

from shardplan.executor.exchange.codecs import Fp8Rows, Int8Groups
from shardplan.executor.tensors.tensor import DTYPES
from shardplan.workload.dtype import Dtype
from shardplan.workload.wire.wire_type import FP8_ROW, sent_as

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.exchange.mesh import Group
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.plan.file.training_facts import WireFormats
    from shardplan.workload.wire.wire_collective import WireCollective


class Codec(Protocol):
    """Makes bytes of fp32 numbers, and numbers of bytes."""

    def encoded_bytes(self, numbers: int) -> int:
        """How many bytes so many numbers become."""

    def encode(self, numbers: Tensor) -> Tensor:
        """(bytes,) uint8 of (n,) fp32."""

    def decode(self, encoded: Tensor, numbers: int) -> Tensor:
        """(n,) fp32 again."""


@dataclass(frozen=True)
class Wire:
    """One format: a number format of hardware, or fp32 numbers that a codec packs."""

    dtype: torch.dtype
    """Of the buffers that are filled and read."""
    codec: Codec | None = None

    @classmethod
    def of(cls, name: str, fp8_row: int | None = None) -> Wire:
        """By its name in a spec. Raises ValueError for one that this engine has not."""
        if name == "int8":
            return cls(torch.float32, Int8Groups())
        if name == "fp8":
            return cls(torch.float32, Fp8Rows(fp8_row or FP8_ROW))
        return cls(DTYPES[Dtype(name)])

    @property
    def is_fp32(self) -> bool:
        """Whether numbers travel as they are summed."""
        return self.codec is None and self.dtype == torch.float32

    def buffer_bytes(self, numbers: int) -> int:
        """What so many numbers take, packed and unpacked."""
        packed = self.codec.encoded_bytes(numbers) if self.codec else 0
        return numbers * int(self.dtype.itemsize) + packed

    def all_to_all(
        self,
        group: Group,
        send: Tensor,
        send_counts: Sequence[int],
        receive_counts: Sequence[int],
        what: str,
        receive: Tensor | None = None,
    ) -> Tensor:
        """What the others of a group sent, as ``Group.all_to_all`` has it; ``send`` is flat, or is
        read as if it were."""
        send = send.reshape(-1)
        if self.codec is None or group.size == 1:
            return group.all_to_all(send, send_counts, receive_counts, what, receive).wait()
        codec = self.codec
        packed = torch.cat([codec.encode(part) for part in send.split(list(send_counts))])
        sent = [codec.encoded_bytes(count) for count in send_counts]
        coming = [codec.encoded_bytes(count) for count in receive_counts]
        got = group.all_to_all(packed, sent, coming, what).wait()
        parts = zip(got.split(coming), receive_counts, strict=True)
        numbers = torch.cat([codec.decode(part, count) for part, count in parts])
        return numbers if receive is None else receive.copy_(numbers)

    def all_gather(self, group: Group, part: Tensor, what: str) -> Tensor:
        """(size, n): the flat parts of all ranks of a group, which are of one size."""
        if self.codec is None or group.size == 1:
            return group.all_gather(part, what)
        packed = group.all_gather(self.codec.encode(part), what)
        return torch.stack([self.codec.decode(each, part.numel()) for each in packed])


@dataclass(frozen=True)
class WireWays:
    """Of one collective, forward and backward."""

    forward: Wire
    backward: Wire

    @classmethod
    def of(cls, forward: str, backward: str, fp8_row: int | None = None) -> WireWays:
        """By names. Raises ValueError for one that this engine has not."""
        return cls(Wire.of(forward, fp8_row), Wire.of(backward, fp8_row))

    @classmethod
    def in_plan(
        cls, formats: WireFormats, collective: WireCollective, output_dtype: Dtype
    ) -> WireWays:
        """What a plan says of a collective, for outputs of a format.

        Raises ValueError for what this engine has not.
        """
        pair = formats.pair(collective)
        forward = sent_as(output_dtype, pair.forward)
        return cls.of(forward, sent_as(output_dtype, pair.backward), formats.fp8_row)


FP32_WIRE = Wire(torch.float32)
"""Numbers as they are summed."""
