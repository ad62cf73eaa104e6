"""What the caller asks of a sizing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shardplan.plan.file.optimality import OPTIMAL_GAP
from shardplan.size.crew.solve_limits import SolveLimits
from shardplan.solve.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class SizeSettings:
    """When to stop, and how to look."""

    gap: float = 0.01
    """No candidate is to beat the front by more than this share in everything minimised."""
    time_limit_seconds: float = 600.0
    """Of all of it."""
    solve_seconds: float = 15.0
    """The most that one solve may take."""
    node_limit: int = 200
    """Nodes of each branch-and-bound tree: solves that end by it are the same on every machine."""
    seed: int = 0
    threads: int = 1
    """Candidates side by side; the answer does not depend on it."""
    should_stop: Callable[[], bool] = field(default=lambda: False)
    """Asked often; once it says yes, the front so far is the answer."""

    @property
    def decided_gap(self) -> float:
        """What plans differ by that are told apart: no less than what a plan may be called optimal
        with."""
        return max(self.gap, OPTIMAL_GAP)

    def deadline(self) -> Deadline:
        """When a sizing has to end that begins now."""
        return Deadline.after(self.time_limit_seconds).unless(self.should_stop)

    def of_solve(self, deadline: Deadline, *, in_full: bool) -> SolveLimits:
        """Of one candidate: one pass in full, or a greedy plan with the bound of the relaxation."""
        return SolveLimits(
            method="auto" if in_full else "greedy",
            gap=self.gap,
            seconds=min(self.solve_seconds, deadline.seconds_left),
            node_limit=self.node_limit,
            seed=self.seed,
        )
