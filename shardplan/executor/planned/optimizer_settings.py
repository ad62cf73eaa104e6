"""Which fused optimizer, and its numbers."""

from __future__ import annotations

from dataclasses import dataclass

OPTIMIZERS = ("sgd", "adagrad", "rowwise_adagrad", "adam")


@dataclass(frozen=True, slots=True)
class OptimizerSettings:
    """Settings that hold for all tables; the defaults are those of FBGEMM."""

    kind: str = "rowwise_adagrad"
    """One of ``OPTIMIZERS``."""
    learning_rate: float = 0.01
    eps: float = 1e-8
    beta1: float = 0.9
    beta2: float = 0.999

    def __post_init__(self) -> None:
        """Raise ValueError where the kind is unknown."""
        if self.kind not in OPTIMIZERS:
            raise ValueError(f"unknown optimizer {self.kind!r}: one of {', '.join(OPTIMIZERS)}")

    def state_columns(self, columns: int) -> dict[str, int]:
        """Names of the state beside each row of a shard, and how many numbers each takes."""
        return {
            "sgd": {},
            "adagrad": {"sum": columns},
            "rowwise_adagrad": {"row_sum": 1},
            "adam": {"exp_avg": columns, "exp_avg_sq": columns},
        }[self.kind]
