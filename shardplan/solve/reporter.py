"""Who is told how a solve goes. The solvers never print; they call these hooks."""

from __future__ import annotations


class Reporter:
    """Hears of a solve's progress; every hook does nothing unless overridden."""

    def starting(self, stage: str) -> None:
        """A part of the portfolio begins: ``bound``, ``greedy``, ``search``, ``milp``."""

    def improved(self, objective_seconds: float, method: str) -> None:
        """A better placement was found."""

    def bounded(self, lower_bound_seconds: float, method: str) -> None:
        """A higher lower bound was proven."""

    def ticking(self) -> None:
        """Time passes; called often, so that a display can refresh."""
