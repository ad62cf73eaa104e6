"""What every kind of dense layer says of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from shardplan.workload.dense.operation import Operation


@dataclass(frozen=True)
class DenseLayer(ABC):
    """A layer by its shape. The fields of a kind are the keys that a spec writes it with: counts
    (``int``), lists of counts (``tuple[int, ...]``), and counts that may be left out.
    """

    keyword: ClassVar[str]
    """What a spec calls it."""
    is_list: ClassVar[bool] = False
    """Whether a spec writes its only field without the field's name."""
    may_take_samples: ClassVar[bool] = False
    """Whether it takes the samples' own values where it comes first, which need no gradient; the
    vectors of tables, which others take, need one."""

    @property
    @abstractmethod
    def operations(self) -> tuple[Operation, ...]:
        """What the forward pass runs, in order; the backward pass goes the other way."""

    @property
    def input_width(self) -> int | None:
        """Of the vector that it takes of each sample; None where it takes several."""
        return None

    @property
    def output_width(self) -> int | None:
        """Of all that layers behind it may take; None where other vectors may lie beside it."""
        return None

    @property
    def parameters(self) -> int:
        """Weights and biases."""
        return sum(operation.parameters for operation in self.operations)
