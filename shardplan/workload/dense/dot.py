"""DLRM's interaction: inner products of all pairs of vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shardplan.workload.dense.layer import DenseLayer
from shardplan.workload.dense.moved import Moved
from shardplan.workload.dense.operation import Operation, Product


@dataclass(frozen=True)
class Dot(DenseLayer):
    """Of ``features`` vectors of ``dim``, as it is run: the whole F x F matrix, half of it used.

    Naumov et al. 2019, arXiv 1906.00091.
    """

    keyword: ClassVar[str] = "dot"

    features: int
    dim: int

    @property
    def operations(self) -> tuple[Operation, ...]:
        """A batched product, with the vectors read and the pairs written."""
        pairs = self.features * (self.features - 1) // 2
        product = Product(self.features, self.dim, self.features, is_batched=True)
        moved = Moved.always(self.features * self.dim + pairs)
        return (Operation(product, moved, moved, kept=pairs),)
