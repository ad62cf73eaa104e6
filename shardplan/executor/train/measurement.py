"""What a job measured, as docs/executor.md has it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RankMeasurement:
    """Means of one rank per step; None where the engine cannot tell."""

    rank: int
    steps: int
    """That were measured."""
    step_seconds: float
    phases: dict[str, float]
    """Seconds by phase."""
    memory_bytes: dict[str, int] | None = None
    """By tier, at its peak."""
    memory_by_use: dict[str, dict[str, int]] | None = None
    """By tier and use, each at its own peak."""
    sent_bytes: dict[str, float] | None = None
    """To other ranks, by what was sent."""
    caches: list[dict[str, Any]] | None = None
    """Of each cache its module, table and tier, and its CacheMeans."""

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {key: value for key, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class JobMeasurement:
    """What all ranks measured."""

    ranks: tuple[RankMeasurement, ...]
    elapsed_seconds: float

    def as_json(self) -> dict[str, Any]:
        """Plain values: of each phase, and of the step, the slowest rank's mean."""
        names = sorted({name for rank in self.ranks for name in rank.phases})
        return {
            "step_seconds": max(rank.step_seconds for rank in self.ranks),
            "elapsed_seconds": self.elapsed_seconds,
            "phases": {
                name: max(rank.phases.get(name, 0.0) for rank in self.ranks) for name in names
            },
            "ranks": [rank.as_json() for rank in self.ranks],
        }
