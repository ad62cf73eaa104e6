"""Wukong's linear compression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shardplan.workload.dense.layer import DenseLayer
from shardplan.workload.dense.operation import Operation, Product


@dataclass(frozen=True)
class Compression(DenseLayer):
    """``features`` vectors of ``dim`` mixed into ``to``, by a trained matrix without a bias.

    Zhang et al. 2024, arXiv 2403.02545, linear compress block.
    """

    keyword: ClassVar[str] = "compression"

    features: int
    to: int
    dim: int

    @property
    def operations(self) -> tuple[Operation, ...]:
        """One product over the features."""
        product = Product(self.dim, self.features, self.to)
        return (Operation(product, kept=self.to * self.dim, parameters=self.features * self.to),)
