"""Which fused optimizer, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass

from shardplan.workload.optimizers.optimizer import OPTIMIZERS, Optimizer


@dataclass(frozen=True, slots=True)
class OptimizerSettings:
    """Settings that hold for all tables; the defaults are those of FBGEMM."""

    kind: Optimizer
    learning_rate: float = 0.01
    eps: float = 1e-8
    beta1: float = 0.9
    beta2: float = 0.999

    def __post_init__(self) -> None:
        """Take the kind by its name too. Raise ValueError where it is unknown."""
        kind = OPTIMIZERS.find(str(self.kind))
        if kind is None:
            known = ", ".join(map(str, OPTIMIZERS))
            raise ValueError(f"{self.kind!r} is no optimizer: there are {known}")
        object.__setattr__(self, "kind", kind)

    def state_columns(self, columns: int) -> dict[str, int]:
        """Names of the state beside each row of a shard, and how many numbers each takes.

        Of the optimizers that the native engine has.
        """
        return {
            Optimizer.SGD: {},
            Optimizer.ADAGRAD: {"sum": columns},
            Optimizer.ROWWISE_ADAGRAD: {"row_sum": 1},
            Optimizer.ADAM: {"exp_avg": columns, "exp_avg_sq": columns},
        }[self.kind]
