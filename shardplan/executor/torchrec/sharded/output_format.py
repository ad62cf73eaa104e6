"""Number formats of outputs, where TorchRec does not keep to them."""

from __future__ import annotations

from itertools import chain
from typing import Any

import torch
from torchrec.distributed.batched_embedding_kernel import (
    BatchedDenseEmbedding,
    BatchedDenseEmbeddingBag,
)

_NOTHING = "_dummy_embs_tensor"
"""What a lookup without tables gives."""


def keep_output_format(collection: Any, dtype: torch.dtype) -> None:
    """Let all lookups of a sharded collection give outputs of this format.

    Of a rank that has none of the tables of a sharding type TorchRec sends nothing in fp32, and
    takes what the others send for fp32 too. Dense kernels write fp32 on the CPU, whatever they are
    told.
    """
    for lookup in _parts(collection._lookups):  # noqa: SLF001
        if hasattr(lookup, _NOTHING):
            nothing = getattr(lookup, _NOTHING)
            setattr(lookup, _NOTHING, torch.empty_like(nothing, dtype=dtype, requires_grad=True))
        if isinstance(lookup, BatchedDenseEmbedding | BatchedDenseEmbeddingBag):
            lookup.register_forward_hook(lambda _module, _given, output: output.to(dtype))


def _parts(lookups: Any) -> Any:
    return chain.from_iterable(lookup.modules() for lookup in lookups)
