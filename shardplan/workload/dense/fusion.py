"""How much of the work beside products a framework does in one pass over memory."""

from __future__ import annotations

from enum import StrEnum


class Fusion(StrEnum):
    """What becomes of biases, activations, sums and products element by element."""

    IN_PRODUCTS = "in_products"
    """Biases and activations are computed where products are written, and their gradients where
    products of the backward pass are; other operations next to each other are one pass."""
    FUSED = "fused"
    """Operations next to each other are one pass; biases and activations are passes of theirs."""
    SEPARATE = "separate"
    """Each reads its inputs from memory and writes its output there, as in eager frameworks."""
