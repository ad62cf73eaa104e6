"""Wukong's factorisation machine with a projection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shardplan.workload.dense.layer import DenseLayer
from shardplan.workload.dense.moved import Moved
from shardplan.workload.dense.operation import Operation, Product


@dataclass(frozen=True)
class Fm(DenseLayer):
    """``X (X^T P)``: ``features`` vectors of ``dim`` against their mixes in ``columns``.

    Zhang et al. 2024, arXiv 2403.02545: the projection P, features x columns, spares the inner
    products of all pairs. What becomes of the features x columns results is an ``mlp`` behind it.
    """

    keyword: ClassVar[str] = "fm"

    features: int
    dim: int
    columns: int

    @property
    def operations(self) -> tuple[Operation, ...]:
        """The mixes, then the products with them."""
        mixed, out = self.dim * self.columns, self.features * self.columns
        mix = Operation(Product(self.dim, self.features, self.columns), kept=mixed, parameters=out)
        product = Product(self.features, self.dim, self.columns, is_batched=True)
        moved = Moved.always(out)
        return mix, Operation(product, moved, moved, kept=out)
