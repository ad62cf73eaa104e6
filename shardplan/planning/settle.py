"""What is made of a solve's placement before it becomes a plan: what the problem could not say."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.planning.foremost import foremost
from shardplan.planning.uneven_blocks import UnevenBlocks
from shardplan.solve.outcome import Ending, gap_of
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.problem.problem import left_out
from shardplan.solve.problem.subproblem import Subproblem
from shardplan.solve.search.search_params import SearchParams
from shardplan.solve.search.tidy import tidied

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.outcome import Outcome
    from shardplan.solve.reporter import Reporter
    from shardplan.solve.settings import Settings

_LEVELLED_SHARE = 0.5
"""Of the time left: the rest is for placing others around uneven blocks."""
_LEAST_SECONDS = 0.5
"""For comparing, and again for tidying few tables, even where no time is left."""


def settled(
    case: Case, formulation: Formulation, outcome: Outcome, settings: Settings, reporter: Reporter
) -> Outcome:
    """With a placement that is no worse: the foremost, fitted around uneven blocks, and tidied."""
    if outcome.placement is None:
        return outcome
    whole, settings = settings, settings.in_one_pass()
    deadline, shared = settings.deadline(), (settings.search or SearchParams()).shared
    is_small = formulation.problem.item_count <= shared.few_tables
    least_seconds = _LEAST_SECONDS if is_small else 0.0
    comparing = _at_least(least_seconds, deadline)
    outcome = foremost(case, formulation, outcome, comparing, shared.latest_placements)
    cut_off = [_ending(settings)] if comparing.is_over else []
    levelled = _levelled(formulation, outcome, settings, reporter)
    fitted = [
        _around_uneven(case, formulation, each, settings, reporter) for each in (outcome, *levelled)
    ]
    others = tuple(each.placement for each in fitted[1:] if each.placement is not None)
    outcome = foremost(
        case, formulation, replace(fitted[0], earlier=others), comparing, len(others)
    )
    if whole.is_timed and not deadline.is_over:
        # What time is left goes into what lies around the blocks of the best of them.
        outcome = _around_uneven(case, formulation, outcome, whole.until(deadline), reporter)
    assert outcome.placement is not None
    ends = _at_least(least_seconds, deadline)
    if ends.is_over:
        return outcome.after(_ending(settings))
    less = UnevenBlocks(case, formulation) if formulation.problem.is_uneven else None
    found = tidied(formulation.problem, outcome.placement, formulation.traits, less, ends)
    reached = evaluate(formulation.problem, found).objective
    cut_off += [_ending(settings)] if ends.is_over else []
    return replace(outcome, placement=found, objective=reached).after(*cut_off)


def _levelled(
    formulation: Formulation, outcome: Outcome, settings: Settings, reporter: Reporter
) -> tuple[Outcome, ...]:
    """With another placement, where the fullest blocks of tables may not meet; none elsewhere.

    The first solve charges all devices for the fullest blocks of all tables; another one as if all
    blocks were alike. What is true lies between the two.
    """
    problem, placement = formulation.problem, outcome.placement
    if placement is None or not (problem.has_uneven_units & (problem.fullest != 0)).any():
        return ()
    levelled = replace(problem, load_seconds=problem.average_seconds, mean_seconds=left_out())
    deadline = settings.deadline()
    limited = settings.until(deadline.within(deadline.seconds_left * _LEVELLED_SHARE))
    found = solve(levelled, limited, reporter, [placement]).placement
    if found is None or found == placement or found.weights is not None:
        return ()
    reached = evaluate(problem, found).objective
    return (replace(outcome, placement=found, objective=reached),)


def _ending(settings: Settings) -> Ending:
    """What it is that a deadline came."""
    return Ending.INTERRUPTED if settings.should_stop() else Ending.TIME_LIMIT


def _at_least(seconds: float, deadline: Deadline) -> Deadline:
    """The deadline, or one that leaves so much time though it, or the user, says otherwise."""
    return deadline if deadline.seconds_left >= seconds else deadline.extended(seconds)


def _around_uneven(
    case: Case, formulation: Formulation, outcome: Outcome, settings: Settings, reporter: Reporter
) -> Outcome:
    """Place all items again around those whose row blocks are not alike, by what these really take.

    The first solve takes every device to be as busy as the one with the first block.
    """
    problem, placement = formulation.problem, outcome.placement
    if not problem.is_uneven or placement is None or placement.weights is not None:
        return outcome
    uneven = problem.has_uneven_units
    is_free = ~uneven[placement.option]
    if is_free.all() or not is_free.any():
        return outcome
    less = UnevenBlocks(case, formulation).of_placement(placement)
    part = Subproblem.of(problem, placement, is_free, ~uneven)
    start = part.start()
    pinned = part.problem.option_count - problem.device_count
    load = part.problem.load_seconds.copy()
    load[pinned:] += less
    mean = part.problem.average_seconds.copy()
    mean[pinned:] = load[pinned:]
    inner = replace(part.problem, load_seconds=load, mean_seconds=mean)
    found = solve(inner, settings, reporter, [start] if start else [])
    if found.placement is None or found.placement.weights is not None:
        return outcome
    merged = part.merged(found.placement)
    objective = found.objective
    is_proven = gap_of(objective, outcome.lower_bound) <= settings.gap
    settled = replace(
        outcome,
        placement=merged,
        objective=evaluate(problem, merged).objective,
        method=found.method,
        ending=Ending.GAP if is_proven else Ending.NODE_LIMIT,
    )
    return settled.after(outcome.ending, found.ending)
