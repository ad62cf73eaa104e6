"""The step of a sharded collection that autograd knows."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


class TrainedLookup(torch.autograd.Function):  # type: ignore[misc]
    """Looks up in the forward pass, and updates the tables in the backward pass."""

    @staticmethod
    def forward(ctx: Any, anchor: Tensor, collection: Any, inputs: Any) -> Tensor:
        """``collection.look_up``; ``anchor`` needs a gradient, so that autograd comes back here."""
        ctx.collection, ctx.inputs = collection, inputs
        return collection.look_up(inputs)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, None, None]:
        """``collection.update``."""
        with torch.no_grad():
            ctx.collection.update(ctx.inputs, gradient.contiguous())
        return None, None, None
