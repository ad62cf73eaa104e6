"""A Program as PuLP sees it: LP files that people read, and CBC where HiGHS is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pulp

from shardplan.solve.program.answer import Answer, Limits, Status

if TYPE_CHECKING:
    from shardplan.solve.program.program import Program


_CBC_DIGITS = 1e-6
_CBC_SECONDS = 1e6
"""What stands for no limit of time."""


def to_pulp(program: Program) -> tuple[pulp.LpProblem, list[pulp.LpVariable]]:
    """The same program as PuLP objects, and its variables in the order of columns.

    Takes seconds from some 100,000 variables on.
    """
    problem = pulp.LpProblem("shardplan", pulp.LpMinimize)
    names = program.column_names or tuple(f"x_{i:08d}" for i in range(program.column_count))
    variables = [
        problem.add_variable(
            name,
            lowBound=None if np.isinf(low) else float(low),
            upBound=None if np.isinf(high) else float(high),
            cat=pulp.LpInteger if integer else pulp.LpContinuous,
        )
        for name, low, high, integer in zip(
            names, program.lower, program.upper, program.integer, strict=True
        )
    ]
    problem += (
        pulp.lpSum(float(c) * v for c, v in zip(program.cost, variables, strict=True) if c),
        "objective",
    )
    for row in range(program.row_count):
        entries = slice(program.row_starts[row], program.row_starts[row + 1])
        expression = pulp.lpSum(
            float(value) * variables[column]
            for column, value in zip(program.columns[entries], program.values[entries], strict=True)
        )
        name = program.row_names[row] if program.row_names else f"r_{row:08d}"
        _add_row(problem, expression, name, program.row_lower[row], program.row_upper[row])
    return problem, variables


def _add_row(
    problem: pulp.LpProblem, expression: pulp.LpAffineExpression, name: str, low: float, high: float
) -> None:
    if low == high:
        problem += expression == float(low), name
        return
    if not np.isinf(low):
        problem += expression >= float(low), name if np.isinf(high) else f"{name}_low"
    if not np.isinf(high):
        problem += expression <= float(high), name if np.isinf(low) else f"{name}_high"


def _below(objective: float, relative_gap: float) -> float:
    """What an optimum of CBC proves: its answer comes through a text file of some seven digits."""
    return objective - (relative_gap + _CBC_DIGITS) * abs(objective)


def solve_with_cbc(program: Program, limits: Limits) -> Answer:
    """Minimise with the CBC that PuLP brings along; it reports a bound only of an optimum."""
    problem, variables = to_pulp(program)
    solver = pulp.COIN_CMD(
        path=pulp.PULP_CBC_CMD.pulp_cbc_path,
        msg=False,
        timeLimit=min(limits.until.seconds_left, _CBC_SECONDS),
        gapRel=limits.relative_gap,
        threads=1,
        maxNodes=limits.nodes,
    )
    problem.solve(solver)
    # CBC leaves arbitrary values in the variables of an infeasible model: the statuses decide.
    # Of what only integers make infeasible, PuLP knows the status alone.
    if problem.status == pulp.LpStatusInfeasible:
        return Answer(Status.INFEASIBLE, bound=float("inf"))
    if problem.sol_status not in (pulp.LpSolutionOptimal, pulp.LpSolutionIntegerFeasible):
        return Answer(Status.UNKNOWN)
    x = np.array([variable.varValue or 0.0 for variable in variables])
    objective = float(program.cost @ x)
    optimal = problem.sol_status == pulp.LpSolutionOptimal
    duals = None
    if not program.integer.any():
        duals = np.array([variable.dj or 0.0 for variable in variables])
    return Answer(
        Status.OPTIMAL if optimal else Status.FEASIBLE,
        x=x,
        objective=objective,
        bound=_below(objective, limits.relative_gap) if optimal else float("-inf"),
        column_duals=duals,
    )
