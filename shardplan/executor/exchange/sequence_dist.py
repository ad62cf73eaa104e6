"""Rows of single ids on their way back to the ranks that asked for them, and their gradients."""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import TYPE_CHECKING

import torch

from shardplan.executor.exchange.wire import FP32_WIRE

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.exchange.rank_inputs import IdsRoute
    from shardplan.executor.exchange.wire import Wire
    from shardplan.executor.planned.module_layout import ModuleLayout, Slot
    from shardplan.executor.tensors.tensor import Tensor

_ROWS, _GRADIENTS = "the exchange of rows", "the exchange of gradients"


class SequenceDist:
    """One all-to-all over all ranks: each row goes to the rank that asked for it, once.

    Nothing is summed on the way: a row block sends the rows that it has, and the receiver puts them
    where their ids stand in the batch.
    """

    def __init__(self, layout: ModuleLayout, mesh: Mesh, forward: Wire, backward: Wire) -> None:
        alone = mesh.world_size == 1
        self._mesh = mesh
        self._layout = layout
        self._forward_wire = FP32_WIRE if alone else forward
        self._backward_wire = FP32_WIRE if alone else backward
        self._forward, self._backward = self._forward_wire.dtype, self._backward_wire.dtype
        self._groups = layout.groups[mesh.rank]
        self._slots = [layout.slots_of(rank) for rank in range(mesh.world_size)]
        self._cut = [i for i, table in enumerate(layout.table_of_feature) if table.row_blocks > 1]

    def buffer_bytes(self, route: IdsRoute) -> tuple[int, int]:
        """What the forward and the backward pass hold on the wire, both ways."""
        numbers = sum(self._numbers_here(route)) + sum(self._numbers_there(route))
        forward, backward = self._forward_wire, self._backward_wire
        return forward.buffer_bytes(numbers), backward.buffer_bytes(numbers)

    def forward(self, rows: Sequence[Tensor], route: IdsRoute, outputs: Sequence[Tensor]) -> None:
        """Fill the outputs of sharded features.

        ``rows`` are (ids, width) fp32 of each group, the ids of rank after rank; ``outputs`` (ids,
        dim) of every feature.
        """
        send, receive = self._numbers_here(route), self._numbers_there(route)
        packed = self._packed(rows, route)
        got = self._forward_wire.all_to_all(self._mesh.all, packed, send, receive, _ROWS)
        for (slot, places), part in zip(
            self._places(route, outputs), got.split(self._numbers_of_slots(route)), strict=True
        ):
            columns = self._columns(outputs, slot)
            if places is None:
                columns.copy_(part.view(-1, slot.width))
            else:
                columns.index_copy_(0, places, part.view(-1, slot.width).to(columns.dtype))

    def backward(
        self, gradients: Sequence[Tensor], route: IdsRoute, scale: float
    ) -> list[list[Tensor]]:
        """Of each group, rank after rank, (ids, width) fp32 gradients of its rows times ``scale``.

        ``gradients`` are (ids, dim) fp32 of every feature.
        """
        send, receive = self._numbers_there(route), self._numbers_here(route)
        buffer = torch.empty(sum(send), dtype=self._backward, device=self._mesh.device)
        for (slot, places), part in zip(
            self._places(route, gradients), buffer.split(self._numbers_of_slots(route)), strict=True
        ):
            columns = self._columns(gradients, slot)
            part.view(-1, slot.width).copy_(
                columns if places is None else columns.index_select(0, places)
            )
        got = self._backward_wire.all_to_all(self._mesh.all, buffer, send, receive, _GRADIENTS)
        whole = got.float().mul_(scale)
        numbers = [n for of_rank in self._numbers_of_groups(route) for n in of_rank]
        parts = iter(whole.split(numbers))
        of_ranks = [[next(parts) for _ in self._groups] for _ in self._slots]
        return [
            [of_rank[place].view(-1, group.width) for of_rank in of_ranks]
            for place, group in enumerate(self._groups)
        ]

    def _packed(self, rows: Sequence[Tensor], route: IdsRoute) -> Tensor:
        """Rank after rank, and of each the groups one behind the other."""
        if len(rows) == 1:
            return rows[0].reshape(-1).to(self._forward)
        if not rows:
            return torch.empty(0, dtype=self._forward, device=self._mesh.device)
        of_ranks = self._numbers_of_groups(route)
        cut = [
            each.reshape(-1).split([of_rank[place] for of_rank in of_ranks])
            for place, each in enumerate(rows)
        ]
        by_rank = [part for parts in zip(*cut, strict=True) for part in parts]
        return torch.cat([part.to(self._forward) for part in by_rank])

    def _numbers_of_groups(self, route: IdsRoute) -> list[list[int]]:
        """Of each rank, the numbers that each group here has for it."""
        bounds = list(accumulate((len(group.slots) for group in self._groups), initial=0))
        return [
            [
                sum(counts[start:end]) * group.width
                for group, (start, end) in zip(self._groups, pairwise(bounds), strict=True)
            ]
            for counts in route.received
        ]

    def _numbers_of_slots(self, route: IdsRoute) -> list[int]:
        """Of each slot of every rank, the numbers that it has for this rank."""
        slots = (slot for of_rank in self._slots for slot in of_rank)
        return [count * slot.width for count, slot in zip(route.sent, slots, strict=True)]

    def _numbers_here(self, route: IdsRoute) -> list[int]:
        """Numbers of the rows that this rank has for each."""
        return [sum(of_rank) for of_rank in self._numbers_of_groups(route)]

    def _numbers_there(self, route: IdsRoute) -> list[int]:
        """Numbers of the rows that each rank has for this one."""
        of_slots = iter(self._numbers_of_slots(route))
        return [sum(next(of_slots) for _ in slots) for slots in self._slots]

    def _columns(self, values: Sequence[Tensor], slot: Slot) -> Tensor:
        """Of a feature's (ids, dim), the columns that a slot has."""
        first = slot.column - self._layout.columns[slot.feature]
        return values[slot.feature][:, first : first + slot.width]

    def _places(
        self, route: IdsRoute, values: Sequence[Tensor]
    ) -> Iterator[tuple[Slot, Tensor | None]]:
        """Each slot of every rank, and where its ids stand in their feature; None: it has all."""
        of_pieces: dict[tuple[int, int], Tensor] = {}
        slots = [slot for of_rank in self._slots for slot in of_rank]
        counts = {
            (slot.feature, slot.row_block): count
            for slot, count in zip(slots, route.sent, strict=True)
        }
        first = 0
        for feature in self._cut:
            assert route.cut_order is not None
            end = first + len(values[feature])
            blocks = range(self._layout.table_of_feature[feature].row_blocks)
            places = (route.cut_order[first:end] - first).split(
                [counts[feature, block] for block in blocks]
            )
            of_pieces |= {(feature, block): places[block] for block in blocks}
            first = end
        for slot in slots:
            yield slot, of_pieces.get((slot.feature, slot.row_block))
