"""Who is told how a solve goes. The solvers never print; they call these hooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.solve.outcome import Outcome


class Reporter:
    """Hears of a solve's progress; every hook does nothing unless overridden."""

    def starting(self, stage: str) -> None:
        """A part of the portfolio begins: ``bound``, ``greedy``, ``search``, ``milp``."""

    def improved(self, objective_seconds: float, method: str) -> None:
        """A better placement was found."""

    def found(self, outcome: Callable[[], Outcome]) -> None:
        """The same, once its bound is known or will be; ``outcome`` tells, now and later, how the
        solve would end if it were interrupted."""

    def bounded(self, lower_bound_seconds: float, method: str) -> None:
        """A higher lower bound was proven."""

    def ticking(self) -> None:
        """Time passes; called often, so that a display can refresh."""
