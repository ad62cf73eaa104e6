"""What a collection gives that does not pool: a row for each id."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.executor.tensors.tensor import Tensor


@dataclass(frozen=True, slots=True)
class JaggedRows:
    """The rows of one feature's ids, in the order of the ids: what TorchRec calls JaggedTensor."""

    values: Tensor
    """(ids, dim) in the format of the module's outputs: sample by sample."""
    lengths: Tensor
    """(samples,) int64: ids of each sample."""
