"""What one solve may spend: until when, to what gap, and with how much effort."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.solve.deadline import Deadline

_MOST_NODES = 2**31 - 1
"""That HiGHS can count."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The limits of a solve that has begun; a part of it gets a copy with the same deadline."""

    deadline: Deadline
    gap: float
    node_limit: int | None = None
    """Nodes of each branch-and-bound tree."""
    seed: int = 0
    effort: float = 1.0
    """How long to search now, relative to what pays for a whole problem: in rounds and nodes."""
    should_stop: Callable[[], bool] = field(default=lambda: False)
    patience_seconds: float | None = None
    """After so long without a better placement or bound, enough is enough."""
    most_effort: float = 1.0
    """Of all passes together; infinite where the clock alone ends them."""
    is_repeatable: bool = False
    """Whether the solve that this is of is ended by effort or nodes: it finds the same each time,
    unless the clock strikes, and rather waits than do without what is not there yet."""

    def of_effort(self, effort: float) -> Budget:
        """The same for a part that is to spend so much and no more."""
        return replace(self, effort=effort, most_effort=effort)

    def nodes(self, wanted: int) -> int:
        """Of a tree worth that many of them: what the limits leave of that."""
        return self.node_limit or min(max(1, round(wanted * self.effort)), _MOST_NODES)
