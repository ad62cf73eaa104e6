"""Solving a Program: HiGHS where it is installed, else the CBC that PuLP brings along."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.solve.program.program import Program


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

    seconds: float = 1e9
    nodes: int | None = None
    """Nodes of the branch-and-bound tree: a limit that does not depend on the clock."""
    relative_gap: float = 0.0


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


def solve_program(
    program: Program,
    limits: Limits | None = None,
    *,
    start: NDArray[np.float64] | None = None,
    watch: Watch | None = None,
    seed: int = 0,
    backend: str = "auto",
    presolve: bool = True,
) -> Answer:
    """Minimise a program; ``start`` is a feasible point to start from.

    ``backend`` is ``highs``, ``cbc`` or ``auto``: HiGHS if it can be imported. Without ``presolve``
    HiGHS takes the program as it is, which pays for many columns in few rows.
    """
    limits, watch = limits or Limits(), watch or Watch()
    if backend == "highs" or (backend == "auto" and find_spec("highspy")):
        from shardplan.solve.program.highs import solve_with_highs

        return solve_with_highs(
            program, limits, start=start, watch=watch, seed=seed, presolve=presolve
        )
    from shardplan.solve.program.pulp_model import solve_with_cbc

    return solve_with_cbc(program, limits)
