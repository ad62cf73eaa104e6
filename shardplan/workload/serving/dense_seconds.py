"""How long the layers outside the tables take for a batch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DenseSeconds:
    """On one device: affine in the candidates of the batch."""

    base: float = 0.0
    per_sample: float = 0.0
