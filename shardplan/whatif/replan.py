"""The best plan of a spec that stays near an old one."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from shardplan.errors import Infeasible, NoPlanFound, ShardplanError
from shardplan.plan.carried import summed_as_planned
from shardplan.planning.cases.groupings import in_groups_near
from shardplan.planning.cases.widths import of_one_width
from shardplan.planning.drafts.drafts import timed
from shardplan.planning.improvements import Improvements
from shardplan.planning.planner import explaining, formulated_in_time, make_plan
from shardplan.planning.shortfall import shortfalls
from shardplan.solve.bound.relaxation import relax
from shardplan.solve.deadline import Deadline
from shardplan.solve.portfolio.in_place import moved_inside
from shardplan.solve.portfolio.limited_relocation import solve_near
from shardplan.solve.program.answer import Limits
from shardplan.surroundings import creation_time
from shardplan.units import format_bytes
from shardplan.whatif.near.moved_from import MovedFrom
from shardplan.whatif.near.near_drafts import NearDrafts
from shardplan.whatif.relabel import relabel
from shardplan.whatif.relocation import Relocation
from shardplan.whatif.resume import resume

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.outcome import Outcome
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings


BUILDS = 2.0
"""As what a plan takes to build: it is also held against the old one, and given names."""


def replan(
    old: Plan,
    then: Case,
    now: Case,
    budget_bytes: float | None,
    settings: Settings,
    reporter: Reporter,
    on_plan: Callable[[Plan], None] | None = None,
) -> Plan:
    """The best plan found for ``now`` that moves at most ``budget_bytes`` from an old one.

    ``then`` is the case that the old plan was made for. What moves is counted as ``diff`` does:
    weights and optimizer state that a rank lacks. Without a budget it is what moves when all tables
    that can be are cut and placed as they were: nothing, unless tables have grown or must move.
    Where the spec leaves open in how many groups the devices are, or how gradients are summed, both
    stay as they were. The plan's lower bound holds for all plans of the spec so that move no more;
    others may be faster.

    Raises Infeasible, NoPlanFound, Interrupted and InputError as ``make_plan`` does.
    """
    creation_time()  # Before the search, which its failure would waste.
    started = time.monotonic()
    deadline = Deadline.after(settings.time_limit_seconds).unless(settings.should_stop)
    now = summed_as_planned(old, in_groups_near(now, then.topology.groups))
    taken_up = resume(old, then, now)
    carried = taken_up.decisions
    begun = formulated_in_time(of_one_width(now, carried), settings, deadline, BUILDS)
    formulation, deadline = begun.formulation, begun.ends
    relocation = Relocation.of(old, now)
    known, is_placed = kept_in_place(formulation, carried)
    if budget_bytes is None:
        budget_bytes = least_budget(formulation, relocation, known, is_placed)
    moves = relocation.moves(formulation, budget_bytes)
    moved = MovedFrom.of(old, relocation)
    # Names under which less moves keep within the budget, and the bound knows of no names.
    drafts = NearDrafts.of(formulation, settings, moved, started, budget_bytes)
    hears = reporter
    if on_plan is not None:
        stop, seconds = settings.should_stop, begun.draft_seconds
        build = drafts.plan
        hears = Improvements(reporter, build, on_plan, deadline, stop, case=now, seconds=seconds)
    limited = settings.until(deadline)
    outcome = solve_near(
        formulation.problem, known, is_placed, moves, limited, hears, also_free=True,
        proven=taken_up.proven,
    )  # fmt: skip
    if outcome.placement is not None or settings.should_stop():
        return drafts.plan(outcome)
    free = None if outcome.is_infeasible else _free_plan(old, now, limited.in_one_pass(), reporter)
    if free is None or (bytes_moved := moved.bytes_of(free)) > budget_bytes:
        raise _no_plan(now, formulation.problem, outcome, budget_bytes, deadline)
    return moved.told(timed(free, started), bytes_moved, budget_bytes)


def kept_in_place(
    formulation: Formulation, decisions: Sequence[Decision]
) -> tuple[Placement, NDArray[np.bool_]]:
    """Where decisions place items, but for units that may not stay there; (I,) which they place."""
    known, is_placed = formulation.placement(decisions)
    return moved_inside(formulation.problem, known, is_placed)


def least_budget(
    formulation: Formulation,
    relocation: Relocation,
    known: Placement,
    is_placed: NDArray[np.bool_],
) -> float:
    """Bytes that move when all that can stays: those of placed items, all of the others."""
    moves, problem = relocation.moves(formulation, 0.0), formulation.problem
    unplaced = np.maximum.reduceat(moves.most, problem.option_offsets[:-1])
    return float(np.where(is_placed, moves.count(known), unplaced).sum())


def _free_plan(old: Plan, now: Case, settings: Settings, reporter: Reporter) -> Plan | None:
    """The best plan whatever it moves, named and dealt so that this is little; None without one.

    Tables that are larger than the budget can move in part, which the search near the old plan does
    not try.
    """
    try:
        return relabel(old, make_plan(now, settings, reporter), now)[0]
    except ShardplanError:
        return None


def _no_plan(
    case: Case, problem: Problem, outcome: Outcome, budget_bytes: float, deadline: Deadline
) -> ShardplanError:
    """Why there is none: the case has no plan whatever moves, or none was found so near."""
    if relax(problem, limits=Limits(deadline)).lower_bound == float("inf"):
        return Infeasible(shortfalls(case, problem, explaining(deadline)))
    proven = ", and this is proven" if outcome.is_infeasible else ""
    return NoPlanFound(
        f"no plan found that moves at most {format_bytes(budget_bytes)}{proven}; "
        "a larger --move-budget may help"
    )
