"""A bound on the step of a case by the solver's relaxation, without its search."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.phases import DENSE
from shardplan.errors import Infeasible
from shardplan.planning.cases.open_cases import open_cases
from shardplan.planning.formulate import formulate
from shardplan.size.bounds.least_step import least_step
from shardplan.size.bounds.step_bound import Proof, StepBound
from shardplan.solve.bound.whole_groups import relax_whole_groups
from shardplan.solve.deadline import ENDLESS
from shardplan.solve.problem.problem import Shape
from shardplan.solve.program.answer import Limits
from shardplan.spec.objective import Objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.solve.bound.relaxation import Relaxation
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.problem.problem import Problem


def relaxed_step(case: Case, deadline: Deadline = ENDLESS) -> StepBound:
    """What no plan of a case can beat, at least what ``least_step`` says.

    Beside the means it knows what the fullest device of each table bears, and what is paid once for
    groups of tables. Raises NoPlanFound, or Interrupted, when the deadline comes first.
    """
    return min(
        (_relaxed_step(each, deadline) for each in open_cases(case)),
        key=lambda found: found.seconds,
    )


def _relaxed_step(case: Case, deadline: Deadline) -> StepBound:
    if case.objective is not Objective.STEP_TIME:
        case = case.with_(objective=Objective.STEP_TIME)
    closed = least_step(case)
    if closed.proof in (Proof.CONSTANTS, Proof.MEMORY):
        return closed
    try:
        problem = formulate(case, deadline).problem
    except Infeasible as error:
        return StepBound.no_plan(error.shortfalls)
    if problem.is_partial:
        return closed
    found = relax_whole_groups(problem, Limits(deadline)).relaxation
    if found.lower_bound == float("inf"):
        return StepBound.no_plan()
    if found.lower_bound <= closed.seconds:
        return closed
    return _of_stages(case, problem, found, closed)


def _of_stages(case: Case, problem: Problem, found: Relaxation, closed: StepBound) -> StepBound:
    """The chain that takes longest in the relaxed optimum, stage by stage."""
    objective, stages = problem.objective, case.step.stages
    each = _stage_seconds(problem, found.share)
    if objective.charges is not None:
        shares = objective.charges.shares(found.share, problem.item_of_option)
        each = each + shares @ objective.charges.seconds
    chain = int(objective.chains(each).argmax())
    own = case.step.constant_seconds
    inside = stages.in_chain[:, chain]
    dense = float(stages.chain_seconds[chain]) - float(own[inside].sum())
    names = [(n, name) for n, name in enumerate(stages.names) if inside[n]]
    fixed = {name: float(own[n]) for n, name in names} | {DENSE.name: max(dense, 0.0)}
    added = {name: float(each[n]) for n, name in names}
    found_bound = StepBound.of(case, fixed, added, {}, Proof.RELAXATION, found.lower_bound)
    return replace(found_bound, least_parts=closed.least_parts)


def _stage_seconds(problem: Problem, share: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S,): what the slowest device of each stage bears at least, with ``share`` (O,) of each
    option: the mean, or the fullest device of some item. Variables of the program may be more, in
    stages that the step does not wait for.
    """
    everywhere = problem.shape == Shape.ALL
    base = share[everywhere] @ problem.load_seconds[everywhere]
    mean = share @ problem.total_load_seconds / problem.device_count
    fullest = problem.weighed(share * ~everywhere, problem.fullest_device_seconds).max(axis=0)
    found: NDArray[np.float64] = np.maximum(mean, fullest if problem.is_uneven else fullest + base)
    return found
