"""How devices share the weights of the dense part."""

from __future__ import annotations

from enum import StrEnum


class Parallel(StrEnum):
    """Each device has samples of its own; their gradients are summed."""

    DDP = "ddp"
    """Every device has all weights."""
    FSDP = "fsdp"
    """Weights, gradients and state are cut over all devices, and gathered layer by layer."""
    HSDP = "hsdp"
    """Cut over the devices of a node; gradients are summed across nodes."""
