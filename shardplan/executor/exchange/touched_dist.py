"""Sums of those bags alone of which a rank has any rows, in one all-to-all over all ranks."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import torch

from shardplan.executor.exchange.wire import FP32_WIRE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.exchange.rank_inputs import TouchedBags
    from shardplan.executor.exchange.wire import WireWays
    from shardplan.executor.planned.module_layout import ModuleLayout, Slot
    from shardplan.executor.tensors.tensor import Tensor

_SUMS, _GRADIENTS = "the exchange of sums beside hot rows", "the exchange of their gradients"


class TouchedDist:
    """Of tables whose hot rows every rank holds: most bags have no other row on most ranks.

    Both ends know from the lengths of bags which sums travel, so that nothing tells them. The
    receiver adds them to its own sums of hot rows, in the order of ranks.
    """

    def __init__(self, layout: ModuleLayout, mesh: Mesh, wire: WireWays) -> None:
        alone = mesh.world_size == 1
        self._mesh = mesh
        self._first_column = layout.columns
        """Of each feature, in the module's output."""
        self._forward = FP32_WIRE if alone else wire.forward
        self._backward = FP32_WIRE if alone else wire.backward
        self.groups = tuple(group for group in layout.groups[mesh.rank] if group.is_touched)
        """Of this rank."""
        slots = [
            [slot for group in groups if group.is_touched for slot in group.slots]
            for groups in layout.groups
        ]
        self._slots = [slot for of_rank in slots for slot in of_rank]
        self._ends = list(accumulate(map(len, slots), initial=0))
        """Where the slots of each rank begin, and where the last end."""

    def buffer_bytes(self, touched: TouchedBags) -> tuple[int, int]:
        """What the forward and the backward pass hold on the wire, both ways."""
        numbers = sum(self._numbers_here(touched)) + sum(self._numbers_there(touched))
        return self._forward.buffer_bytes(numbers), self._backward.buffer_bytes(numbers)

    def forward(
        self, pooled: Sequence[Tensor], touched: TouchedBags, sums: Mapping[int, Tensor]
    ) -> None:
        """Add what other ranks summed to ``sums``: by a feature's first column (samples, dim) fp32.

        ``pooled`` are (bags, width) of each group, those of rank after rank.
        """
        by_group = [
            list(part.split(counts)) for part, counts in zip(pooled, touched.here, strict=True)
        ]
        parts = [part.reshape(-1) for of_rank in zip(*by_group, strict=True) for part in of_rank]
        packed = torch.cat(parts).to(self._forward.dtype) if parts else self._nothing()
        send, receive = self._numbers_here(touched), self._numbers_there(touched)
        got = self._forward.all_to_all(self._mesh.all, packed, send, receive, _SUMS)
        for slot, bags, part in self._received(touched, got):
            first = self._first_column[slot.feature]
            own = sums[first].narrow(1, slot.column - first, slot.width)
            own.index_add_(0, bags, part.view(-1, slot.width).float())

    def backward(self, gradient: Tensor, touched: TouchedBags, scale: float) -> list[list[Tensor]]:
        """Of each group the (bags, width) fp32 gradients of what it summed, times ``scale``.

        ``gradient`` is (samples, columns of the output) fp32.
        """
        send, receive = self._numbers_there(touched), self._numbers_here(touched)
        buffer = gradient.new_empty(sum(send), dtype=self._backward.dtype)
        for slot, bags, part in self._received(touched, buffer):
            columns = gradient[:, slot.column : slot.column + slot.width]
            part.view(-1, slot.width).copy_(columns.index_select(0, bags))
        got = self._backward.all_to_all(self._mesh.all, buffer, send, receive, _GRADIENTS)
        widths = [group.width for group in self.groups]
        numbers = [
            count * width
            for counts in zip(*touched.here, strict=True)
            for count, width in zip(counts, widths, strict=True)
        ]
        parts = got.float().mul_(scale).split(numbers)
        return [
            [torch.cat(parts[place :: len(widths)]).view(-1, width)]
            for place, width in enumerate(widths)
        ]

    def _received(self, touched: TouchedBags, buffer: Tensor) -> list[tuple[Slot, Tensor, Tensor]]:
        """Each slot of every rank, which own bags it sums a part of, and their part of a buffer."""
        bags = [mask.nonzero().view(-1) for mask in touched.there]
        counts = [len(of) * slot.width for slot, of in zip(self._slots, bags, strict=True)]
        return list(zip(self._slots, bags, buffer.split(counts), strict=True))

    def _numbers_here(self, touched: TouchedBags) -> list[int]:
        """Numbers of the sums that this rank has for each."""
        ranks = range(self._mesh.world_size)
        pairs = list(zip(self.groups, touched.here, strict=True))
        return [sum(group.width * counts[rank] for group, counts in pairs) for rank in ranks]

    def _numbers_there(self, touched: TouchedBags) -> list[int]:
        """Numbers of the sums that each rank has for this one."""
        bags = touched.there.sum(1).tolist()
        numbers = [count * slot.width for count, slot in zip(bags, self._slots, strict=True)]
        return [sum(numbers[start:end]) for start, end in pairwise(self._ends)]

    def _nothing(self) -> Tensor:
        return torch.empty(0, dtype=self._forward.dtype, device=self._mesh.device)
