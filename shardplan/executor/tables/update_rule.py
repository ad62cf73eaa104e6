"""The arithmetic of the fused optimizers: exact, and only on rows that the batch reads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.tensors.tensor import Tensor

WEIGHT = "weight"
"""The field that is looked up; the others are the optimizer's."""
ROW_SUM = "row_sum"
"""Of row-wise optimizers: a number of each row, which every column shard of it keeps."""

Fields = dict[str, torch.Tensor]
"""Tensors by name, all of as many rows."""


@dataclass(frozen=True, slots=True)
class UpdateRule:
    """One step of an optimizer."""

    settings: OptimizerSettings
    step: int
    """Of the whole module, from 1."""

    @property
    def wants_squares(self) -> bool:
        """Whether the optimizer looks at the mean of each row's squared gradient."""
        return self.settings.kind is Optimizer.ROWWISE_ADAGRAD

    def apply(self, state: Fields, gradient: Tensor, mean_squares: Tensor | None) -> None:
        """Turn the gradient of U distinct rows into what their weights change by.

        ``gradient`` is (U, columns) fp32, and so is the change that it becomes. ``state`` has, by
        name, (U, columns) or (U, 1) of each row, and is updated in place. ``mean_squares`` (U,) is
        the mean over the whole table's columns of the squared gradient, for row-wise Adagrad.

        SGD; Adagrad (Duchi et al. 2011); row-wise Adagrad with one sum per row; Adam (Kingma and
        Ba 2015), whose moments decay only where a row is read, with the module's ``step`` in the
        correction of bias, as FBGEMM has them.
        """
        rate, eps = self.settings.learning_rate, self.settings.eps
        match self.settings.kind:
            case Optimizer.SGD:
                gradient.mul_(-rate)
            case Optimizer.ADAGRAD:
                sums = state["sum"].addcmul_(gradient, gradient)
                gradient.mul_(-rate).div_(sums.sqrt().add_(eps))
            case Optimizer.ROWWISE_ADAGRAD:
                assert mean_squares is not None
                sums = state["row_sum"].add_(mean_squares.unsqueeze(1))
                gradient.mul_(sums.sqrt().add_(eps).reciprocal_().mul_(-rate))
            case Optimizer.ADAM:
                self._adam(state, gradient)

    def _adam(self, state: Fields, gradient: Tensor) -> None:
        given = self.settings
        beta1, beta2 = given.beta1, given.beta2
        first = state["exp_avg"].mul_(beta1).add_(gradient, alpha=1 - beta1)
        second = state["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        spread = second.sqrt().div_(math.sqrt(1 - beta2**self.step)).add_(given.eps)
        rate = given.learning_rate / (1 - beta1**self.step)
        torch.mul(first, -rate, out=gradient).div_(spread)
