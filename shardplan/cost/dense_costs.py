"""What a step spends outside the tables."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from shardplan.cost.phases import (
    DENSE_ALL_REDUCE,
    DENSE_BACKWARD,
    DENSE_FORWARD,
    DENSE_OPTIMIZER,
)
from shardplan.workload.pipeline.cover import Cover

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
    optimizer_seconds: float = 0.0
    """Of the backward pass, the update of its parameters."""
    is_predicted: bool = False
    """From layers, not given."""
    covers: frozenset[Cover] = frozenset()
    """What of it phases of the tables hide behind: its parts are then told, the update apart."""

    @classmethod
    def given(cls, training: Training) -> Self:
        """What a spec says in place of layers."""
        return cls(
            training.dense_forward_seconds,
            training.dense_backward_seconds,
            optimizer_seconds=training.dense_optimizer_seconds,
            covers=training.pipeline.course.dense_covers,
        )

    def times(self, factor: float) -> Self:
        """The same, each part so many times as long."""
        return replace(
            self,
            forward_seconds=self.forward_seconds * factor,
            backward_seconds=self.backward_seconds * factor,
            all_reduce_seconds=self.all_reduce_seconds * factor,
            optimizer_seconds=self.optimizer_seconds * factor,
        )

    @property
    def seconds(self) -> float:
        """Of all of it."""
        return self.forward_seconds + self.backward_seconds + self.all_reduce_seconds

    @property
    def phase_seconds(self) -> dict[str, float]:
        """By phase, in the order of a step; empty where only their sum is known."""
        if not self.is_predicted and not self.covers:
            return {}
        found = {
            DENSE_FORWARD.name: self.forward_seconds,
            DENSE_BACKWARD.name: self.backward_seconds,
            DENSE_ALL_REDUCE.name: self.all_reduce_seconds,
        }
        if not self.covers:
            return found
        passed = self.covered_seconds(Cover.DENSE_BACKWARD)
        return found | {DENSE_BACKWARD.name: passed, DENSE_OPTIMIZER.name: self.optimizer_seconds}

    @property
    def cover_shares(self) -> dict[Cover, float]:
        """Of all of it, the parts that something hides behind."""
        taken = {cover: self.covered_seconds(cover) for cover in self.covers}
        return {cover: seconds / self.seconds for cover, seconds in taken.items() if seconds}

    def covered_seconds(self, cover: Cover | None) -> float:
        """Of the part that something may hide behind; 0 of other covers."""
        if cover is Cover.DENSE_BACKWARD:
            return self.backward_seconds - self.optimizer_seconds
        return self.optimizer_seconds if cover is Cover.DENSE_OPTIMIZER else 0.0
