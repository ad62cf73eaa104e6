"""Pooled sums in one all-to-all over all ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shardplan.executor.exchange.slot_buffers import (
    added_up,
    by_slot,
    received,
    spans_of,
    take_gradients,
)
from shardplan.executor.exchange.wire import FP32_WIRE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.exchange.wire import Wire
    from shardplan.executor.planned.module_layout import ModuleLayout
    from shardplan.executor.tensors.tensor import Tensor

_SUMS, _GRADIENTS = "the exchange of pooled sums", "the exchange of gradients"


class FlatDist:
    """One all-to-all over all ranks; the receiver adds row blocks up, in the order of ranks.

    What a rank sums for itself, and the gradients of it, do not go through the exchange.
    """

    def __init__(self, layout: ModuleLayout, mesh: Mesh, forward: Wire, backward: Wire) -> None:
        self._mesh = mesh
        alone = mesh.world_size == 1
        self._forward_wire = FP32_WIRE if alone else forward
        self._backward_wire = FP32_WIRE if alone else backward
        self._forward, self._backward = self._forward_wire.dtype, self._backward_wire.dtype
        chosen = [
            [group for group in groups if not (group.is_hierarchical or group.is_touched)]
            for groups in layout.groups
        ]
        self.groups = tuple(chosen[mesh.rank])
        is_at_end = mesh.rank in (0, mesh.world_size - 1)
        is_one = len(self.groups) == 1 and self._forward_wire.is_fp32
        self._is_direct = is_one and is_at_end
        """Whether the sums for the other ranks lie as they travel."""
        self._slots = [[slot for group in groups for slot in group.slots] for groups in chosen]
        self._columns = [sum(group.columns for group in groups) for groups in chosen]

    def buffer_bytes(self, samples: int) -> tuple[int, int]:
        """What is sent, unless sums lie as they travel, and what is received."""
        mine = samples * self._columns[self._mesh.rank]
        theirs = samples * sum(self._columns) - mine
        packed = 0 if self._is_direct else mine * (self._mesh.world_size - 1)
        own = 0 if self._forward_wire.is_fp32 else mine
        forward = self._forward_wire.buffer_bytes(packed + theirs + own)
        return forward, self._backward_wire.buffer_bytes(theirs)

    def forward(self, pooled: Sequence[Tensor], samples: int) -> dict[int, Tensor]:
        """Send each rank the sums of its samples."""
        send, receive = self._counts(samples)
        packed = self._packed(pooled, samples).reshape(-1)
        got = self._forward_wire.all_to_all(self._mesh.all, packed, send, receive, _SUMS)
        rank = self._mesh.rank
        own = [part.to(self._forward) for sums in pooled for part in sums[rank]]
        chunks = enumerate(zip(self._slots, got.split(receive), strict=True))
        parts = [
            own if other == rank else by_slot(chunk, slots, samples)
            for other, (slots, chunk) in chunks
        ]
        return added_up(self._slots, parts)

    def backward(self, gradient: Tensor, scale: float) -> list[list[Tensor]]:
        """Send each rank the gradients of what it summed."""
        rank, ranks, samples = self._mesh.rank, self._mesh.world_size, len(gradient)
        receive, send = self._counts(samples)
        buffer = gradient.new_empty(sum(send), dtype=self._backward)
        chunks = list(buffer.split(send))
        # The own gradients lie behind those of the other ranks.
        mine = samples * self._columns[rank]
        whole = gradient.new_empty((ranks, mine), dtype=self._backward)
        chunks[rank] = whole[-1]
        for slots, chunk in zip(self._slots, chunks, strict=True):
            take_gradients(gradient, slots, chunk, scale)
        others = whole[:-1].view(-1)
        group, wire = self._mesh.all, self._backward_wire
        wire.all_to_all(group, buffer, send, receive, _GRADIENTS, others)
        parts = [received(part, scale) for part in spans_of(whole, self.groups, samples)]
        in_order = [(part[:rank], part[-1:], part[rank:-1]) for part in parts]
        return [[block for block in blocks if len(block)] for blocks in in_order]

    def _counts(self, samples: int) -> tuple[list[int], list[int]]:
        """Numbers that go to each rank in the forward pass, and that come from it."""
        rank, ranks = self._mesh.rank, self._mesh.world_size
        send = [samples * self._columns[rank]] * ranks
        receive = [samples * columns for columns in self._columns]
        send[rank] = receive[rank] = 0
        return send, receive

    def _packed(self, pooled: Sequence[Tensor], samples: int) -> Tensor:
        """(ranks - 1, ...): the sums for the other ranks, rank after rank."""
        rank, others = self._mesh.rank, self._mesh.world_size - 1
        if self._is_direct:
            return pooled[0][:rank] if rank else pooled[0][1:]
        mine = samples * self._columns[rank]
        send = torch.empty((others, mine), dtype=self._forward, device=self._mesh.device)
        for part, sums in zip(spans_of(send, self.groups, samples), pooled, strict=True):
            part[:rank].copy_(sums[:rank])
            part[rank:].copy_(sums[rank + 1 :])
        return send
