"""The steps since the last look, of what an engine has measured since it began."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.executor.train.measurement import RankMeasurement


@dataclass(frozen=True, slots=True)
class Window:
    """Means of one rank per step."""

    steps: int
    step_seconds: float
    phases: Mapping[str, float]

    @classmethod
    def between(cls, before: RankMeasurement | None, now: RankMeasurement) -> Self:
        """What came between two looks at means; ``before`` is None at the first."""
        then, each = (0, now.steps) if before is None else (before.steps, now.steps - before.steps)
        if each == 0:
            return cls(0, 0.0, {})

        def mean(was: float, mean_now: float) -> float:
            return max(0.0, (mean_now * now.steps - was * then) / each)

        return cls(
            each,
            mean(0.0 if before is None else before.step_seconds, now.step_seconds),
            {
                name: mean(0.0 if before is None else before.phases.get(name, 0.0), seconds)
                for name, seconds in now.phases.items()
            },
        )
