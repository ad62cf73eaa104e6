"""HiGHS, handed whole arrays: PuLP's objects take ten times longer to load than to solve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import highspy
import numpy as np

from shardplan.errors import SolverError
from shardplan.solve.program.answer import Answer, Status
from shardplan.solve.program.stoppable import run_stoppably

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.program.answer import Limits, Watch
    from shardplan.solve.program.program import Program

_FEASIBILITY_TOLERANCE = 1e-9
_QUICK_ENTRIES = 10_000
"""Up to which a linear program is solved before anyone would ask whether to stop."""


def solve_with_highs(
    program: Program,
    limits: Limits,
    *,
    start: NDArray[np.float64] | None,
    watch: Watch,
    seed: int,
    presolve: bool = True,
) -> Answer:
    """Minimise with HiGHS on one thread: its tree search is serial, and so repeatable.

    Raises
    ------
    SolverError
        When HiGHS refuses the model or ends in a state that it cannot explain.
    KeyboardInterrupt
        Soon after it was pressed, where the caller's handler raises it.
    """
    solver = _loaded(program, limits, seed)
    if not presolve:
        solver.setOptionValue("presolve", "off")
    is_integer = bool(program.integer.any())
    if is_integer and start is not None:
        solution = highspy.HighsSolution()
        solution.col_value = start.tolist()
        solver.setSolution(solution)
    if is_integer or len(program.values) > _QUICK_ENTRIES:
        run_stoppably(solver, limits, watch)
    else:
        solver.run()
    return _answer(solver, is_integer)


def _loaded(program: Program, limits: Limits, seed: int) -> Any:
    solver: Any = highspy.Highs()  # type: ignore[no-untyped-call]
    options = {
        "output_flag": False,
        "threads": 1,
        "random_seed": seed,
        "time_limit": limits.until.seconds_left,
        "mip_rel_gap": limits.relative_gap,
        "mip_abs_gap": 0.0,
        "primal_feasibility_tolerance": _FEASIBILITY_TOLERANCE,
        "mip_feasibility_tolerance": _FEASIBILITY_TOLERANCE,
    }
    if limits.nodes is not None:
        options["mip_max_nodes"] = limits.nodes
    for name, value in options.items():
        solver.setOptionValue(name, value)

    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = program.column_count, program.row_count
    model.col_cost_, model.col_lower_, model.col_upper_ = program.cost, program.lower, program.upper
    model.row_lower_, model.row_upper_ = program.row_lower, program.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.num_col_, model.a_matrix_.num_row_ = program.column_count, program.row_count
    model.a_matrix_.start_ = program.row_starts.astype(np.int32)
    model.a_matrix_.index_ = program.columns.astype(np.int32)
    model.a_matrix_.value_ = program.values
    if program.integer.any():
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[int(flag)] for flag in program.integer]
    if solver.passModel(model) == highspy.HighsStatus.kError:
        raise SolverError("HiGHS refused the model")
    return solver


def _answer(solver: Any, is_integer: bool) -> Answer:
    status = solver.getModelStatus()
    info = solver.getInfo()
    kinds = highspy.HighsModelStatus
    if status in (kinds.kInfeasible, kinds.kUnboundedOrInfeasible):
        return Answer(Status.INFEASIBLE, bound=float("inf"))
    if status == kinds.kNotset:
        raise SolverError("HiGHS solved nothing")
    bound = info.mip_dual_bound if is_integer else float("-inf")
    interrupted = status == kinds.kInterrupt
    # A time limit with an incumbent is not a proof: only the model status says which it was.
    if info.primal_solution_status != highspy.SolutionStatus.kSolutionStatusFeasible:
        return Answer(Status.UNKNOWN, bound=bound, interrupted=interrupted)
    solution = solver.getSolution()
    optimal = status == kinds.kOptimal
    return Answer(
        Status.OPTIMAL if optimal else Status.FEASIBLE,
        x=np.array(solution.col_value),
        objective=info.objective_function_value,
        bound=bound if is_integer else (info.objective_function_value if optimal else bound),
        column_duals=None if is_integer else np.array(solution.col_dual),
        interrupted=interrupted,
    )
