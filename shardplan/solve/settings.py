"""What the caller asks of a solve."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from shardplan.solve.budget import Budget
from shardplan.solve.deadline import Deadline

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.solve.search.search_params import SearchParams

PUBLISHED = {
    "greedy-dim": "greedy by dim",
    "greedy-size": "greedy by size",
    "greedy-lookup": "greedy by lookup",
    "greedy-size-lookup": "greedy by size and lookup",
    "differencing": "largest differencing",
}
"""Methods that are published baselines of whole tables, and what each is."""
METHODS = ("auto", "search", "milp", "greedy", *PUBLISHED)
"""``auto`` runs search and integer program in turn."""
ONE_PASS = 1.0
"""The effort that one pass over a whole problem is worth."""

PATIENCE_SECONDS = 10.0
"""Without a time limit of the caller's own, a solve ends once nothing has improved for so long."""


@dataclass(frozen=True, slots=True)
class Settings:
    """When to stop, and how to look."""

    method: str = "auto"
    gap: float = 0.01
    """Stop once the objective is proven to be within this share of the best there is."""
    time_limit_seconds: float = 60.0
    node_limit: int | None = None
    """Nodes of each branch-and-bound tree; unlike seconds, it stops at the same point each time."""
    seed: int = 0
    should_stop: Callable[[], bool] = field(default=lambda: False)
    """Asked often; once it says yes, the solve returns the best it has."""
    effort: float | None = None
    """How long to search at most, in rounds and nodes, relative to what one pass over a whole
    problem is worth; None: as long as there is time or, under a node limit, one pass."""
    search: SearchParams | None = None
    """The moves and their parameters; None: those of this version."""
    patience_seconds: float | None = None
    """Stop once neither the placement nor the bound has improved for so long; None: never."""
    threads: int = 1
    """Searches side by side, all but one in processes of their own. The result is the same for the
    same number of them."""

    @property
    def most_effort(self) -> float:
        """Of all passes together; infinite where the clock alone ends them."""
        if self.effort is not None:
            return self.effort
        return float("inf") if self.node_limit is None else ONE_PASS

    @property
    def is_timed(self) -> bool:
        """Whether the clock alone ends a solve that does not prove its gap."""
        return self.most_effort == float("inf")

    def in_one_pass(self) -> Settings:
        """The same for a part of a solve, which is to leave time to the others, on one thread."""
        return replace(self, effort=min(self.most_effort, ONE_PASS), threads=1)

    def budget(self) -> Budget:
        """The limits of a solve that begins now."""
        return Budget(
            self.deadline(),
            self.gap,
            self.node_limit,
            self.seed,
            min(self.most_effort, ONE_PASS),
            self.should_stop,
            self.patience_seconds,
            self.most_effort,
            is_repeatable=not self.is_timed,
        )

    def deadline(self) -> Deadline:
        """When a solve has to end that begins now: earlier, where the user asks for it."""
        return Deadline.after(self.time_limit_seconds).unless(self.should_stop)

    def until(self, deadline: Deadline) -> Settings:
        """The same with what is left of the time until a deadline, if that is less."""
        left = min(self.time_limit_seconds, deadline.seconds_left)
        return replace(self, time_limit_seconds=left)
