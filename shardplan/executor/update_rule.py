"""The arithmetic of the fused optimizers: exact, and only on rows that the batch reads."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shardplan.executor.optimizer_settings import OptimizerSettings
    from shardplan.executor.tensor import Tensor

WEIGHT = "weight"
"""The field that is looked up; the others are the optimizer's."""

Fields = dict[str, Any]
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
        return self.settings.kind == "rowwise_adagrad"

    def apply(self, fields: Fields, gradient: Tensor, mean_squares: Tensor | None) -> None:
        """Update U distinct rows in place.

        ``fields`` has the (U, columns) weights and, by name, (U, columns) or (U, 1) of state;
        ``gradient`` is (U, columns) fp32, and is used up. ``mean_squares`` (U,) is the mean over
        the whole table's columns of the squared gradient, for row-wise Adagrad.
        Weights in half precision are updated in fp32 and rounded once.

        SGD; Adagrad (Duchi et al. 2011); row-wise Adagrad with one sum per row; Adam (Kingma and
        Ba 2015), whose moments decay only where a row is read, with the module's ``step`` in the
        correction of bias, as FBGEMM has them.
        """
        weights = fields[WEIGHT].float()
        rate, eps = self.settings.learning_rate, self.settings.eps
        match self.settings.kind:
            case "sgd":
                weights.add_(gradient, alpha=-rate)
            case "adagrad":
                sums = fields["sum"].addcmul_(gradient, gradient)
                weights.addcdiv_(gradient, sums.sqrt().add_(eps), value=-rate)
            case "rowwise_adagrad":
                assert mean_squares is not None
                sums = fields["row_sum"].add_(mean_squares.unsqueeze(1))
                weights.addcmul_(gradient, rate / sums.sqrt().add_(eps), value=-1)
            case "adam":
                self._adam(weights, fields, gradient)
        fields[WEIGHT] = weights

    def _adam(self, weights: Tensor, fields: Fields, gradient: Tensor) -> None:
        given = self.settings
        beta1, beta2 = given.beta1, given.beta2
        first = fields["exp_avg"].mul_(beta1).add_(gradient, alpha=1 - beta1)
        second = fields["exp_avg_sq"].mul_(beta2).addcmul_(gradient, gradient, value=1 - beta2)
        spread = second.sqrt().div_(math.sqrt(1 - beta2**self.step)).add_(given.eps)
        weights.addcdiv_(first, spread, value=-given.learning_rate / (1 - beta1**self.step))
