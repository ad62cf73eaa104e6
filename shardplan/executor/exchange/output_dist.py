"""Pooled sums on their way to the ranks of their samples, and the gradients on their way back."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

import torch

from shardplan.executor.tensors.tensor import DTYPES
from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.planned.module_layout import GroupLayout, ModuleLayout, Slot
    from shardplan.executor.tensors.tensor import Tensor

_SUMS, _GRADIENTS = "the exchange of pooled sums", "the exchange of gradients"


class OutputDist(Protocol):
    """One way for sums to travel; each takes some of a rank's groups."""

    groups: tuple[GroupLayout, ...]

    def buffer_bytes(self, samples: int) -> tuple[int, int]:
        """What either direction takes besides sums, outputs and their gradients, in fp32."""

    def forward(self, pooled: Sequence[Tensor], samples: int) -> dict[int, Tensor]:
        """What other ranks summed for this rank's samples, by first column of the output.

        ``pooled`` holds (ranks, slots, samples, width of a slot) of each group. Sums are (samples,
        width of a slot), in fp32 or as they came.
        """

    def backward(self, gradient: Tensor, scale: float) -> list[list[Tensor]]:
        """Of each group (ranks, slots, samples, width of a slot) fp32, from (samples, width).

        The ranks come in order, in one block or several that are parts of one tensor.
        They come times ``scale``, multiplied in fp32 on one side of the wire: on the way into it
        where that costs no pass of its own, else behind it, so that narrow formats keep their
        smallest numbers.
        """


class FlatDist:
    """One all-to-all over all ranks; the receiver adds row blocks up, in the order of ranks.

    What a rank sums for itself, and the gradients of it, do not go through the exchange.
    """

    def __init__(self, layout: ModuleLayout, mesh: Mesh, forward: Dtype, backward: Dtype) -> None:
        self._mesh = mesh
        alone = mesh.world_size == 1
        self._forward = DTYPES[Dtype.FP32 if alone else forward]
        self._backward = DTYPES[Dtype.FP32 if alone else backward]
        chosen = [[g for g in groups if not g.is_hierarchical] for groups in layout.groups]
        self.groups = tuple(chosen[mesh.rank])
        is_at_end = mesh.rank in (0, mesh.world_size - 1)
        is_one = len(self.groups) == 1 and self._forward == DTYPES[Dtype.FP32]
        self._is_direct = is_one and is_at_end
        """Whether the sums for the other ranks lie as they travel."""
        self._slots = [[slot for group in groups for slot in group.slots] for groups in chosen]
        self._columns = [sum(group.columns for group in groups) for groups in chosen]

    def buffer_bytes(self, samples: int) -> tuple[int, int]:
        """What is sent, unless sums lie as they travel, and what is received."""
        mine = samples * self._columns[self._mesh.rank]
        theirs = samples * sum(self._columns) - mine
        packed = 0 if self._is_direct else mine * (self._mesh.world_size - 1)
        own = 0 if self._forward == DTYPES[Dtype.FP32] else mine
        forward = (packed + theirs + own) * int(self._forward.itemsize)
        return forward, theirs * int(self._backward.itemsize)

    def forward(self, pooled: Sequence[Tensor], samples: int) -> dict[int, Tensor]:
        """Send each rank the sums of its samples."""
        send, receive = self._counts(samples)
        packed = self._packed(pooled, samples).reshape(-1)
        got = self._mesh.all.all_to_all(packed, send, receive, _SUMS).wait()
        rank = self._mesh.rank
        own = [part.to(self._forward) for sums in pooled for part in sums[rank]]
        chunks = enumerate(zip(self._slots, got.split(receive), strict=True))
        parts = [
            own if other == rank else _by_slot(chunk, slots, samples)
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
        self._mesh.all.all_to_all(buffer, send, receive, _GRADIENTS, others).wait()
        parts = [_received(part, scale) for part in _spans(whole, self.groups, samples)]
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
        for part, sums in zip(_spans(send, self.groups, samples), pooled, strict=True):
            part[:rank].copy_(sums[:rank])
            part[rank:].copy_(sums[rank + 1 :])
        return send


class NodeFirstDist:
    """Row blocks are added up inside their node, and only the sums cross to other nodes.

    A rank receives from its node's ranks what they summed for the samples of its own peers, the
    ranks at its place in every node, and sends it on to them (Mudigere et al. 2021, section 4.2.2).
    """

    def __init__(self, layout: ModuleLayout, mesh: Mesh, forward: Dtype, backward: Dtype) -> None:
        self._mesh = mesh
        self._forward, self._backward = DTYPES[forward], DTYPES[backward]
        each = mesh.local_world_size
        chosen = [[g for g in groups if g.is_hierarchical] for groups in layout.groups]
        self.groups = tuple(chosen[mesh.rank])
        of_nodes = chosen[::each]  # The ranks of a node hold the same slots, block by block.
        self._slots = [[slot for group in groups for slot in group.slots] for groups in of_nodes]
        self._columns = [sum(group.columns for group in groups) for groups in of_nodes]

    def buffer_bytes(self, samples: int) -> tuple[int, int]:
        """What is sent and received inside the node, and what is across."""
        mesh = self._mesh
        own = samples * self._columns[mesh.rank // mesh.local_world_size]
        theirs = samples * sum(self._columns)
        forward = (2 * own * mesh.world_size + own * mesh.nodes + theirs) * self._forward.itemsize
        return int(forward), int((theirs + own * mesh.nodes) * self._backward.itemsize)

    def forward(self, pooled: Sequence[Tensor], samples: int) -> dict[int, Tensor]:
        """Reduce inside the node, then send across."""
        mesh = self._mesh
        nodes, each = mesh.nodes, mesh.local_world_size
        mine = samples * self._columns[mesh.rank // each]
        send = torch.empty((each * nodes, mine), dtype=self._forward, device=mesh.device)
        for part, sums in zip(_spans(send, self.groups, samples), pooled, strict=True):
            by_place = sums.unflatten(0, (nodes, each)).transpose(0, 1)
            part.view(by_place.shape).copy_(by_place)
        counts = [nodes * mine] * each
        blocks = mesh.node.all_to_all(send.view(-1), counts, counts, _SUMS).wait()
        total = in_order(blocks.view(each, nodes * mine)).to(self._forward)
        receive = [samples * columns for columns in self._columns]
        got = mesh.peers.all_to_all(total, [mine] * nodes, receive, _SUMS).wait()
        chunks = got.split(receive)
        parts = [
            _by_slot(chunk, slots, samples)
            for slots, chunk in zip(self._slots, chunks, strict=True)
        ]
        return added_up(self._slots, parts)

    def backward(self, gradient: Tensor, scale: float) -> list[list[Tensor]]:
        """Send across, then gather inside the node: the way of ``forward`` back."""
        mesh, samples = self._mesh, len(gradient)
        nodes, each = mesh.nodes, mesh.local_world_size
        mine = samples * self._columns[mesh.rank // each]
        send = [samples * columns for columns in self._columns]
        buffer = gradient.new_empty(sum(send), dtype=self._backward)
        for slots, chunk in zip(self._slots, buffer.split(send), strict=True):
            take_gradients(gradient, slots, chunk, scale)
        got = mesh.peers.all_to_all(buffer, send, [mine] * nodes, _GRADIENTS).wait()
        del buffer, chunk
        whole = mesh.node.all_gather(got, _GRADIENTS).view(each * nodes, mine)
        return [
            [_received(part.unflatten(0, (each, nodes)).transpose(0, 1), scale).flatten(0, 1)]
            for part in _spans(whole, self.groups, samples)
        ]


def in_order(parts: Tensor) -> Tensor:
    """The fp32 sum over the first dimension, added from the first part to the last."""
    total = parts[0].float()
    for part in parts[1:]:
        total = total + part
    return total


def added_up(
    slots: Sequence[Sequence[Slot]], parts: Sequence[Sequence[Tensor]]
) -> dict[int, Tensor]:
    """By first column, what all ranks sent of it; ``slots`` and ``parts`` are those of each rank.

    Row blocks are added to the first one, which comes first since ranks are in order.
    """
    sums: dict[int, Tensor] = {}
    for slot, part in zip(chain(*slots), chain(*parts), strict=True):
        first = sums.get(slot.column)
        sums[slot.column] = part if first is None else first.float() + part
    return sums


def take_gradients(gradient: Tensor, slots: Sequence[Slot], chunk: Tensor, scale: float) -> None:
    """Fill a rank's part of the buffer with the gradients of its slots, slot after slot.

    In fp32 they are scaled while they are copied; ``_received`` scales other formats.
    """
    for slot, part in zip(slots, _by_slot(chunk, slots, len(gradient)), strict=True):
        columns = gradient[:, slot.column : slot.column + slot.width]
        if part.dtype == columns.dtype and scale != 1:
            torch.mul(columns, scale, out=part)
        else:
            part.copy_(columns)


def _received(part: Tensor, scale: float) -> Tensor:
    """In fp32; scaled, unless that was done on the way into the wire."""
    return part if part.dtype == torch.float32 else part.float().mul_(scale)


def _by_slot(chunk: Tensor, slots: Sequence[Slot], samples: int) -> list[Any]:
    sizes = [samples * slot.width for slot in slots]
    return [part.view(samples, -1) for part in chunk.split(sizes)] if sizes else []


def _spans(buffer: Tensor, groups: Sequence[GroupLayout], samples: int) -> list[Tensor]:
    """Views of (parts, slots, samples, width) for each group, side by side in each part."""
    views, first = [], 0
    for group in groups:
        end = first + samples * group.columns
        shape = (len(buffer), len(group.slots), samples, group.width)
        views.append(buffer[:, first:end].unflatten(1, shape[1:]))
        first = end
    return views


def output_dists(
    layout: ModuleLayout, mesh: Mesh, forward: Dtype, backward: Dtype
) -> list[OutputDist]:
    """All the ways that the sums of a module take, for formats of the wire by their names."""
    ways: list[OutputDist] = []
    kinds = {group.is_hierarchical for groups in layout.groups for group in groups}
    if False in kinds:
        ways.append(FlatDist(layout, mesh, forward, backward))
    if True in kinds:
        ways.append(NodeFirstDist(layout, mesh, forward, backward))
    return ways
