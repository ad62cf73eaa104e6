"""Solving a Program: HiGHS where it is installed, else the CBC that PuLP brings along."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from shardplan.solve.program.answer import Limits, Watch

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.solve.program.answer import Answer
    from shardplan.solve.program.program import Program


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
