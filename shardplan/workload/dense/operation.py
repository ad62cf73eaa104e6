"""What a device runs, one after another, for the dense part: products and passes over elements."""

from __future__ import annotations

from dataclasses import dataclass

from shardplan.workload.dense.moved import NOTHING, Moved


@dataclass(frozen=True, slots=True)
class Shape:
    """Of a product C[m, n] = A[m, k] B[k, n]."""

    m: float
    n: float
    k: float

    @property
    def flop(self) -> float:
        """A multiplication and an addition for each of the m n k terms."""
        return 2 * self.m * self.n * self.k


@dataclass(frozen=True, slots=True)
class Product:
    """Of every sample's ``rows`` x ``inner`` matrix with an ``inner`` x ``columns`` one.

    The second is a weight that all samples share, or (``is_batched``) the sample's own: then the
    matrices of a batch are taken for one that has their rows under one another.
    """

    rows: int
    inner: int
    columns: int
    is_batched: bool = False

    def forward(self, samples: float) -> Shape:
        """The product itself."""
        return Shape(samples * self.rows, self.columns, self.inner)

    def input_gradient(self, samples: float) -> Shape:
        """The output's gradient times the second matrix, transposed."""
        return Shape(samples * self.rows, self.inner, self.columns)

    def other_gradient(self, samples: float) -> Shape:
        """The gradient of the second matrix: summed over the samples where they share it."""
        if self.is_batched:
            return Shape(samples * self.inner, self.columns, self.rows)
        return Shape(self.columns, self.inner, samples * self.rows)


@dataclass(frozen=True, slots=True)
class Operation:
    """At most one product, and what is read and written besides; counts are of one sample."""

    product: Product | None = None
    moved_forward: Moved = NOTHING
    """Elements that are read or written beside the product."""
    moved_backward: Moved = NOTHING
    kept: int = 0
    """Elements that the backward pass needs, and that stay in memory until then."""
    parameters: int = 0
    """Of all samples together."""


def linear(
    width: int, to: int, moved_forward: Moved | None = None, moved_backward: Moved | None = None
) -> Operation:
    """A trained ``width`` x ``to`` matrix with a bias, and an activation unless it is told what is
    moved behind it instead.

    The activation passes over the output once in the forward pass and with the bias twice in the
    backward pass, where these are fused with each other. Each alone, it is read and written;
    backward the gradient and the output are read, and another gradient is written, and read once
    more for the bias's.
    """
    return Operation(
        Product(1, width, to),
        moved_forward or Moved(fused=to, separate=2 * to),
        moved_backward or Moved(fused=2 * to, separate=4 * to),
        kept=to,
        parameters=width * to + to,
    )
