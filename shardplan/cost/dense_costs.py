"""What a step spends outside the tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from shardplan.cost.phases import DENSE_ALL_REDUCE, DENSE_BACKWARD, DENSE_FORWARD

if TYPE_CHECKING:
    from shardplan.workload.training import Training


@dataclass(frozen=True, slots=True)
class DenseCosts:
    """The dense part: the same on every device, whatever the placement."""

    forward_seconds: float
    backward_seconds: float
    """With the update of its parameters."""
    all_reduce_seconds: float = 0.0
    """Of its collectives, what the passes do not hide."""
    is_predicted: bool = False
    """From layers, not given."""

    @classmethod
    def given(cls, training: Training) -> Self:
        """What a spec says in place of layers."""
        return cls(training.dense_forward_seconds, training.dense_backward_seconds)

    def times(self, factor: float) -> Self:
        """The same, each part so many times as long."""
        return replace(
            self,
            forward_seconds=self.forward_seconds * factor,
            backward_seconds=self.backward_seconds * factor,
            all_reduce_seconds=self.all_reduce_seconds * factor,
        )

    @property
    def seconds(self) -> float:
        """Of all of it."""
        return self.forward_seconds + self.backward_seconds + self.all_reduce_seconds

    @property
    def phase_seconds(self) -> dict[str, float]:
        """By phase, in the order of a step; empty where only their sum is known."""
        if not self.is_predicted:
            return {}
        return {
            DENSE_FORWARD.name: self.forward_seconds,
            DENSE_BACKWARD.name: self.backward_seconds,
            DENSE_ALL_REDUCE.name: self.all_reduce_seconds,
        }
