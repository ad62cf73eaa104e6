"""Sums and gradients as they lie on the wire: slot after slot in each rank's part."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.planned.module_layout import GroupLayout, Slot
    from shardplan.executor.tensors.tensor import Tensor


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

    In fp32 they are scaled while they are copied; ``received`` scales other formats.
    """
    for slot, part in zip(slots, by_slot(chunk, slots, len(gradient)), strict=True):
        columns = gradient[:, slot.column : slot.column + slot.width]
        if part.dtype == columns.dtype == torch.float32 and scale != 1:
            torch.mul(columns, scale, out=part)
            continue
        part.copy_(columns)
        if part.dtype == torch.float32 and scale != 1:
            part.mul_(scale)


def received(part: Tensor, scale: float) -> Tensor:
    """In fp32; scaled, unless that was done on the way into the wire."""
    return part if part.dtype == torch.float32 else part.float().mul_(scale)


def by_slot(chunk: Tensor, slots: Sequence[Slot], samples: int) -> list[Any]:
    """A rank's part of a buffer as (samples, width) of each of its slots."""
    sizes = [samples * slot.width for slot in slots]
    return [part.view(samples, -1) for part in chunk.split(sizes)] if sizes else []


def spans_of(buffer: Tensor, groups: Sequence[GroupLayout], samples: int) -> list[Tensor]:
    """Views of (parts, slots, samples, width) for each group, side by side in each part."""
    views, first = [], 0
    for group in groups:
        end = first + samples * group.columns
        shape = (len(buffer), len(group.slots), samples, group.width)
        views.append(buffer[:, first:end].unflatten(1, shape[1:]))
        first = end
    return views
