"""When the solve of one candidate ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class SolveLimits:
    """Those of one solve, which may be another process's."""

    method: str
    gap: float
    seconds: float
    node_limit: int
    seed: int

    def settings(self, should_stop: Callable[[], bool]) -> Settings:
        """Of the solve, which ends earlier where it should."""
        return Settings(
            self.method, self.gap, self.seconds, self.node_limit, self.seed, should_stop
        )
