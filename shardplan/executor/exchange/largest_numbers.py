"""The largest of many numbers, as pairs of a number and its place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from shardplan.executor.tensors.tensor import index_dtype

if TYPE_CHECKING:
    from shardplan.executor.exchange.mesh import Group
    from shardplan.executor.tensors.tensor import Tensor

_NUMBER_BYTES = 4


@dataclass(frozen=True, slots=True)
class LargestNumbers:
    """What a rank sends of its numbers, as many as all ranks send."""

    numbers: Tensor
    """(k,) fp32."""
    places: Tensor
    """(k,) whole numbers, each once."""

    @classmethod
    def taken_from(cls, values: Tensor, count: int) -> Self:
        """The ``count`` largest by absolute value of flat fp32 numbers, which are zeros then."""
        places = torch.topk(values.abs(), count, sorted=False).indices
        numbers = values.index_select(0, places)
        values.index_fill_(0, places, 0.0)
        return cls(numbers, places.to(index_dtype(values.numel())))

    @staticmethod
    def pair_bytes(among: int) -> int:
        """Of one of so many numbers, with its place."""
        return _NUMBER_BYTES + int(index_dtype(among).itemsize)

    def sum_of_all(self, group: Group, sums: Tensor, what: str) -> None:
        """Fill flat ``sums`` with those of the pairs of all ranks, in the order of ranks.

        A number and its place travel in one message.
        """
        count, dtype = len(self.numbers), self.places.dtype
        packed = torch.cat([self.numbers.view(torch.int32), self.places.view(torch.int32)])
        sums.zero_()
        for each in group.all_gather(packed, what):
            numbers, places = each[:count].view(torch.float32), each[count:].clone().view(dtype)
            sums.index_add_(0, places, numbers)
