"""Pooled sums that are added up inside their node before they cross to others."""

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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.exchange.wire import WireWays
    from shardplan.executor.planned.module_layout import ModuleLayout
    from shardplan.executor.tensors.tensor import Tensor

_SUMS, _GRADIENTS = "the exchange of pooled sums", "the exchange of gradients"


class NodeFirstDist:
    """Row blocks are added up inside their node, and only the sums cross to other nodes.

    A rank receives from its node's ranks what they summed for the samples of its own peers, the
    ranks at its place in every node, and sends it on to them (Mudigere et al. 2021, section 4.2.2).
    """

    def __init__(
        self, layout: ModuleLayout, mesh: Mesh, inside: WireWays, across: WireWays
    ) -> None:
        self._mesh = mesh
        self._inside, self._across = inside, across
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
        inside, across = self._inside, self._across
        forward = inside.forward.buffer_bytes(2 * own * mesh.world_size)
        forward += across.forward.buffer_bytes(own * mesh.nodes + theirs)
        return forward, across.backward.buffer_bytes(theirs + own * mesh.nodes)

    def forward(self, pooled: Sequence[Tensor], samples: int) -> dict[int, Tensor]:
        """Reduce inside the node, then send across."""
        mesh = self._mesh
        nodes, each = mesh.nodes, mesh.local_world_size
        mine = samples * self._columns[mesh.rank // each]
        send = torch.empty(
            (each * nodes, mine), dtype=self._inside.forward.dtype, device=mesh.device
        )
        for part, sums in zip(spans_of(send, self.groups, samples), pooled, strict=True):
            by_place = sums.unflatten(0, (nodes, each)).transpose(0, 1)
            part.view(by_place.shape).copy_(by_place)
        counts = [nodes * mine] * each
        blocks = self._inside.forward.all_to_all(mesh.node, send, counts, counts, _SUMS)
        across = self._across.forward
        total = sum_in_order(blocks.view(each, nodes * mine)).to(across.dtype)
        receive = [samples * columns for columns in self._columns]
        got = across.all_to_all(mesh.peers, total, [mine] * nodes, receive, _SUMS)
        chunks = got.split(receive)
        parts = [
            by_slot(chunk, slots, samples) for slots, chunk in zip(self._slots, chunks, strict=True)
        ]
        return added_up(self._slots, parts)

    def backward(self, gradient: Tensor, scale: float) -> list[list[Tensor]]:
        """Send across, then gather inside the node: the way of ``forward`` back."""
        mesh, samples = self._mesh, len(gradient)
        nodes, each = mesh.nodes, mesh.local_world_size
        mine = samples * self._columns[mesh.rank // each]
        send = [samples * columns for columns in self._columns]
        across = self._across.backward
        buffer = gradient.new_empty(sum(send), dtype=across.dtype)
        for slots, chunk in zip(self._slots, buffer.split(send), strict=True):
            take_gradients(gradient, slots, chunk, scale)
        got = across.all_to_all(mesh.peers, buffer, send, [mine] * nodes, _GRADIENTS)
        del buffer, chunk
        inside, scale_behind = self._inside.backward, scale
        if inside.dtype != across.dtype:
            got, scale_behind = received(got, scale).to(inside.dtype), 1.0
        whole = inside.all_gather(mesh.node, got, _GRADIENTS).view(each * nodes, mine)
        return [
            [received(part.unflatten(0, (each, nodes)).transpose(0, 1), scale_behind).flatten(0, 1)]
            for part in spans_of(whole, self.groups, samples)
        ]


def sum_in_order(parts: Tensor) -> Tensor:
    """The fp32 sum over the first dimension, added from the first part to the last."""
    total = parts[0].float()
    for part in parts[1:]:
        total = total + part
    return total
