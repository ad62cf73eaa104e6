"""A vector for each sample, of outputs of either kind: what the dense layers take."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from shardplan.executor.tensors.runs import offsets_of

if TYPE_CHECKING:
    from shardplan.executor.tensors.tensor import Tensor


def mean_of_rows(rows: Tensor, lengths: Tensor) -> Tensor:
    """(samples, dim) fp32: of each sample the mean of its rows, zeros where it has none.

    ``rows`` (ids, dim) in any format come sample by sample, ``lengths`` (samples,) of them.
    """
    each = torch.arange(len(rows), device=rows.device)
    return functional.embedding_bag(
        each, rows.float(), offsets_of(lengths), mode="mean", include_last_offset=True
    )
