"""From a case to a plan: the pipeline in one place."""

from __future__ import annotations

import importlib.metadata
import time
from typing import TYPE_CHECKING, Any

from shardplan.errors import Infeasible, Interrupted, NoPlanFound, SolverError
from shardplan.plan.build_plan import build_plan
from shardplan.plan.file.optimality import OPTIMAL_GAP, Optimality, Status, Termination
from shardplan.plan.file.provenance import HistoryPoint, RunInfo, SolverInfo
from shardplan.plan.predict import predict
from shardplan.planning.baseline import baseline_placement, baseline_starts
from shardplan.planning.formulate import formulate
from shardplan.planning.improvements import Improvements
from shardplan.planning.settle import settled
from shardplan.planning.shortfall import shortfalls
from shardplan.solve.baselines.published import GreedyCost
from shardplan.solve.deadline import Deadline
from shardplan.solve.outcome import Ending, gap_of
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.search.search_params import SearchParams
from shardplan.solve.settings import Settings
from shardplan.spec.objective import Objective
from shardplan.surroundings import creation_time
from shardplan.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.predict import Prediction
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.outcome import Outcome, ProvenBound
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.reporter import Reporter

_AGREEMENT = 1e-6
"""Relative difference allowed between the solver's objective and the plan's own prediction."""
_FIRST_SHARE = 0.6
"""Of the time, where row blocks are not alike: the rest is for placing others around them."""
_EXPLAINING_SHARE = 0.5
"""Of the time left once it is proven that there is no plan: for telling how much is short."""


def make_plan(
    case: Case,
    settings: Settings,
    reporter: Reporter,
    start: Sequence[Decision] = (),
    *,
    proven: ProvenBound | None = None,
    on_plan: Callable[[Plan], None] | None = None,
) -> Plan:
    """Formulate, solve, predict and write down.

    ``start`` are decisions to begin with; where they are a plan of this case, the plan found is no
    worse. ``proven`` is a bound known already. ``on_plan`` hears of verified plans on the way: of
    the first one at once, of better ones now and then.

    Raises
    ------
    Infeasible
        When it is proven that no plan exists; says what is short.
    NoPlanFound
        When the limits ended the solve with neither a plan nor that proof. They count from here:
        what formulating takes is not left to the solve.
    Interrupted
        When the caller interrupted it before there was a plan.
    InputError
        When the plan could not be dated.
    """
    creation_time()  # Before the search, which its failure would waste.
    started = time.monotonic()
    deadline = Deadline.after(settings.time_limit_seconds).unless(settings.should_stop)
    left = deadline.seconds_left
    formulation = formulate(case, deadline, (settings.search or SearchParams()).shared)
    ends = leaving_time_to_write(deadline, left)
    begin = [*_known(formulation, start), *starts(case, formulation, settings)]
    first = ends
    if formulation.problem.is_uneven:
        first = ends.within(ends.seconds_left * _FIRST_SHARE)

    def build(found: Outcome) -> Plan:
        return timed(finish_plan(case, formulation, found, settings), started)

    hears = reporter
    if on_plan is not None:
        hears = Improvements(reporter, build, on_plan, first, settings.should_stop)
    outcome = solve(formulation.problem, settings.until(first), hears, begin, proven)
    if outcome.is_infeasible:
        raise Infeasible(shortfalls(case, formulation.problem, explaining(deadline)))
    return build(settled(case, formulation, outcome, settings.until(ends), reporter))


def leaving_time_to_write(deadline: Deadline, before: float) -> Deadline:
    """When to have ended the search of a problem that has just been formulated.

    ``before`` are the seconds that were left when that began: to predict and write a plan takes
    about as long. Half of what is left now is the search's in any case.
    """
    left = deadline.seconds_left
    return (
        deadline if left == float("inf") else deadline.within(left - min(before - left, left / 2))
    )


def timed(plan: Plan, started: float) -> Plan:
    """The plan with how long it took to make it."""
    run = plan.run.model_copy(update={"elapsed_seconds": time.monotonic() - started})
    return plan.model_copy(update={"run": run})


def finish_plan(
    case: Case,
    formulation: Formulation,
    outcome: Outcome,
    settings: Settings,
    arrange: Callable[[Decision], Decision] = lambda decision: decision,
) -> Plan:
    """Predict and write down what a solve found; ``arrange`` may deal column shards otherwise.

    Raises NoPlanFound or Interrupted where the solve found nothing.
    """
    placement = _placement(outcome)
    decisions = tuple(map(arrange, formulation.decisions(placement)))
    prediction = predict(case, decisions)
    elapsed = outcome.history[-1].seconds if outcome.history else 0.0
    return build_plan(
        case,
        decisions,
        prediction,
        _optimality(case, outcome, prediction, formulation.problem.is_uneven, settings.gap),
        _solver_info(outcome, settings),
        _run_info(outcome, elapsed),
    )


def _known(formulation: Formulation, decisions: Sequence[Decision]) -> list[Placement]:
    """The placement that decisions stand for, if they place all."""
    if not decisions:
        return []
    placement, is_placed = formulation.placement(decisions)
    return [placement] if is_placed.all() else []


def starts(case: Case, formulation: Formulation, settings: Settings) -> Sequence[Placement]:
    """What the solve begins with: the baselines, or the one that was asked for."""
    if settings.method == "auto":
        return baseline_starts(case, formulation)
    if settings.method.startswith("greedy-"):
        kind = GreedyCost(settings.method.removeprefix("greedy-").replace("-", "_"))
        return [baseline_placement(case, formulation, kind)]
    return ()


def explaining(deadline: Deadline) -> Deadline:
    """When to have said what is short, so that time is left to look for what would help."""
    return deadline.within(deadline.seconds_left * _EXPLAINING_SHARE)


def _placement(outcome: Outcome) -> Placement:
    if outcome.placement is not None:
        return outcome.placement
    if outcome.ending is Ending.INTERRUPTED:
        raise Interrupted("interrupted before there was a plan")
    raise NoPlanFound(
        f"no plan found within the limits ({outcome.ending}), and no proof that there is none"
    )


def _optimality(
    case: Case, outcome: Outcome, prediction: Prediction, is_uneven: bool, asked_gap: float
) -> Optimality:
    predicted = (
        prediction.step_seconds
        if case.objective is Objective.STEP_TIME
        else prediction.balance_seconds
    )
    mixes = outcome.placement is not None and outcome.placement.weights is not None
    differs = predicted - outcome.objective
    # What a cache misses is convex in its size: a mix of sizes may turn out better than claimed.
    # So may row blocks: the solver takes all of them to be as busy as the first.
    may_be_less = mixes or is_uneven
    if max(differs, 0.0 if may_be_less else -differs) > _AGREEMENT * predicted:
        raise SolverError(
            f"the solver's objective, {outcome.objective:.9g} s, is not the plan's, "
            f"{predicted:.9g} s"
        )
    lower_bound = min(outcome.lower_bound, predicted)
    gap = gap_of(predicted, lower_bound)
    status = Status.FEASIBLE
    if outcome.ending is Ending.GAP or gap <= asked_gap:
        status = Status.WITHIN_GAP
    if gap <= OPTIMAL_GAP / 2:
        status = Status.OPTIMAL
    return Optimality.of(
        case.objective,
        predicted,
        lower_bound,
        bound=outcome.bound,
        status=status,
        termination=Termination(outcome.ending.value),
    )


def _solver_info(outcome: Outcome, settings: Settings) -> SolverInfo:
    """What was asked; of the search, only what differs from this version's."""
    try:
        highs = importlib.metadata.version("highspy")
    except importlib.metadata.PackageNotFoundError:
        highs = None
    asked: dict[str, Any] = {
        "node_limit": settings.node_limit,
        "effort": settings.effort if settings.effort != 1.0 else None,
        "search": settings.search.changes() if settings.search is not None else None,
    }
    return SolverInfo(
        method=f"{settings.method}: {outcome.method}",
        seed=settings.seed,
        gap=settings.gap,
        shardplan_version=__version__,
        highs_version=highs,
        **{name: value for name, value in asked.items() if value},
    )


def settings_of(solver: SolverInfo, time_limit_seconds: float) -> Settings:
    """The settings that make a plan again, given a time limit that does not strike.

    Raises ValueError where the plan's search had moves or parameters that this version lacks.
    """
    default = Settings()
    return Settings(
        method=solver.method.partition(":")[0],
        gap=default.gap if solver.gap is None else solver.gap,
        time_limit_seconds=time_limit_seconds,
        node_limit=solver.node_limit,
        seed=solver.seed,
        effort=default.effort if solver.effort is None else solver.effort,
        search=SearchParams.with_changes(solver.search or {}),
    )


def _run_info(outcome: Outcome, elapsed_seconds: float) -> RunInfo:
    return RunInfo(
        generated_at=creation_time().isoformat(timespec="seconds"),
        elapsed_seconds=elapsed_seconds,
        history=tuple(
            HistoryPoint(
                elapsed_seconds=point.seconds,
                best_seconds=_finite(point.objective),
                bound_seconds=_finite(point.lower_bound),
            )
            for point in outcome.history
        ),
    )


def _finite(seconds: float) -> float | None:
    return seconds if seconds < float("inf") else None
