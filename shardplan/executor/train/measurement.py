"""What a job measured, as docs/executor.md has it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.memory.cache_counters import CacheMeans


@dataclass(frozen=True, slots=True)
class CacheMeasurement:
    """A cache of one rank."""

    module: str
    table: str
    tier: str
    """In which the cache lies."""
    means: CacheMeans

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        where = {"module": self.module, "table": self.table, "tier": self.tier}
        return where | asdict(self.means)


@dataclass(frozen=True, slots=True)
class NativeMeasurement:
    """What the native engine knows besides seconds."""

    memory_bytes: dict[str, int]
    """By tier, at its peak."""
    memory_by_use: dict[str, dict[str, int]]
    """By tier and use, each at its own peak."""
    sent_bytes: dict[str, float]
    """To other ranks in a step, by what was sent."""
    caches: tuple[CacheMeasurement, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "memory_bytes": self.memory_bytes,
            "memory_by_use": self.memory_by_use,
            "sent_bytes": self.sent_bytes,
            "caches": [cache.as_json() for cache in self.caches],
        }


@dataclass(frozen=True, slots=True)
class RankMeasurement:
    """Means of one rank per step."""

    rank: int
    steps: int
    """That were measured."""
    step_seconds: float
    phases: dict[str, float]
    """Seconds; empty where the engine cannot tell what happens in a step."""
    native: NativeMeasurement | None = None

    @classmethod
    def of(
        cls,
        rank: int,
        step_seconds: Sequence[float],
        phase_seconds: dict[str, float],
        native: NativeMeasurement | None = None,
    ) -> Self:
        """From the seconds of each step, and those of phases over all steps."""
        steps = max(1, len(step_seconds))
        phases = {name: each / steps for name, each in phase_seconds.items()}
        return cls(rank, len(step_seconds), sum(step_seconds) / steps, phases, native)

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        seconds = {
            "rank": self.rank,
            "steps": self.steps,
            "step_seconds": self.step_seconds,
            "phases": self.phases,
        }
        return seconds | (self.native.as_json() if self.native else {})


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
