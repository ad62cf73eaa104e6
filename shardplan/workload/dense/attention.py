"""Self-attention over the features of a sample, as DHEN has it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from shardplan.workload.dense.layer import DenseLayer
from shardplan.workload.dense.moved import Moved
from shardplan.workload.dense.operation import Operation, Product


@dataclass(frozen=True)
class Attention(DenseLayer):
    """Of ``features`` vectors of ``dim``; heads change neither products nor parameters.

    Zhang et al. 2022, arXiv 2203.11014; the count of operations is that of Vaswani et al. 2017.
    """

    keyword: ClassVar[str] = "attention"

    features: int
    dim: int

    @property
    def operations(self) -> tuple[Operation, ...]:
        """Queries, keys and values; scores and their softmax; what they weigh; the projection."""
        count, dim = self.features, self.dim
        projection = Operation(
            Product(count, dim, dim), kept=count * dim, parameters=dim * dim + dim
        )
        moved = Moved.always(count**2)
        scores = Operation(Product(count, dim, count, is_batched=True), moved, moved, kept=count**2)
        weighed = Operation(Product(count, count, dim, is_batched=True), kept=count * dim)
        return projection, projection, projection, scores, weighed, projection
