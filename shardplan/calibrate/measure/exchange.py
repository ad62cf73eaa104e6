"""The collectives, in PyTorch's own operators."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from collections.abc import Callable

_ELEMENT_BYTES = 4

# PyTorch 2.13 renamed both.
reduce_scatter = getattr(dist, "reduce_scatter_single", None) or dist.reduce_scatter_tensor
all_gather = getattr(dist, "all_gather_single", None) or dist.all_gather_into_tensor


def collective_of(
    kind: Collective, sizes_bytes: tuple[float, ...], rank: int, device: Any
) -> Callable[[], Any]:
    """One collective of fp32, ready to be run, where rank r's buffer has ``sizes_bytes[r]``.

    Only all-to-alls take buffers that differ.
    """
    ranks = len(sizes_bytes)
    parts = [max(1, round(size / _ELEMENT_BYTES / ranks)) for size in sizes_bytes]
    own = parts[rank]
    whole = torch.ones(own * ranks, device=device)
    match kind:
        case Collective.ALL_TO_ALL:
            received = torch.empty(sum(parts), device=device)
            return lambda: dist.all_to_all_single(received, whole, parts, [own] * ranks)
        case Collective.REDUCE_SCATTER:
            part = torch.empty(own, device=device)
            return lambda: reduce_scatter(part, whole)
        case Collective.ALL_GATHER:
            part = torch.ones(own, device=device)
            return lambda: all_gather(whole, part)
        case Collective.ALL_REDUCE:
            return lambda: dist.all_reduce(whole)
