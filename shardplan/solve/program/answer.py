"""What is asked of whatever solves a program, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from shardplan.solve.deadline import ENDLESS, Deadline

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    import numpy as np
    from numpy.typing import NDArray


class Status(StrEnum):
    """What a back end has proven when it returns."""

    OPTIMAL = "optimal"
    """The solution is within the asked gap of the best there is."""
    FEASIBLE = "feasible"
    """There is a solution; a limit or an interruption ended the search for a better one."""
    INFEASIBLE = "infeasible"
    """No solution exists."""
    UNKNOWN = "unknown"
    """Neither a solution nor a proof that there is none."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a back end must stop, proven or not."""

    until: Deadline = ENDLESS
    """Several programs that share it end together."""
    nodes: int | None = None
    """Nodes of the branch-and-bound tree: a limit that does not depend on the clock."""
    relative_gap: float = 0.0

    @classmethod
    def within(cls, seconds: float, nodes: int | None = None, relative_gap: float = 0.0) -> Self:
        """``seconds`` from now on."""
        return cls(Deadline.after(seconds), nodes, relative_gap)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a back end found."""

    status: Status
    x: NDArray[np.float64] | None = None
    objective: float = float("inf")
    bound: float = float("-inf")
    """No solution can be below this."""
    column_duals: NDArray[np.float64] | None = None
    """(columns,): reduced costs, of a continuous program only."""
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """What the caller wants to hear while a program is solved."""

    should_stop: Callable[[], bool] = field(default=lambda: False)
    on_progress: Callable[[float, float], None] = field(default=lambda best, bound: None)
    """Called with (best objective, bound)."""
