"""Which gradients are summed to that of which row."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.executor.tensors.tensor import Tensor


@dataclass(frozen=True, slots=True)
class RowMembers:
    """Of each distinct row of a batch, the gradients that it is the sum of, in their order."""

    gradients: Tensor
    """(any, columns) fp32."""
    numbers: Tensor
    """(n,) int32: of each id, sorted by row, the row of ``gradients``."""
    offsets: Tensor
    """(U + 1,) int64: where each row's ids begin in ``numbers``, and where the last's end."""
    factors: Tensor | None = None
    """(n,) fp32: by what each is multiplied; None: by one."""
    scale: float = 1.0
    """By what each sum is multiplied."""
