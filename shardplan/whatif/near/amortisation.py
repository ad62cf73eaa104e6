"""Over how long a plan is to pay for what it moves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.plan.diff.transfer import slowest_seconds_per_byte

if TYPE_CHECKING:
    from shardplan.topology.topology import Topology

_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Amortisation:
    """A span of training: of seconds, or of steps where these are given."""

    seconds: float = _DAY_SECONDS
    steps: float | None = None

    def steps_of(self, step_seconds: float) -> float:
        """How many steps it has, of so many seconds each."""
        return self.steps if self.steps is not None else self.seconds / step_seconds


@dataclass(frozen=True, slots=True)
class MovePrice:
    """What a byte that moves costs, spread over the steps that are to pay for it."""

    steps: float
    seconds_per_byte: float
    """Of the move, as if one byte came after the other over the slowest link."""

    @classmethod
    def of(cls, topology: Topology, over: Amortisation, step_seconds: float) -> MovePrice:
        """On the links of a topology, for a plan with such a step."""
        return cls(over.steps_of(step_seconds), slowest_seconds_per_byte(topology))

    @property
    def step_seconds_per_byte(self) -> float:
        """What each step is longer for it."""
        return self.seconds_per_byte / self.steps

    def cost_seconds(self, objective_seconds: float, moved_bytes: float) -> float:
        """Of a step of a plan that moves so much."""
        return objective_seconds + self.step_seconds_per_byte * moved_bytes
