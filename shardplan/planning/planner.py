"""From a case to a plan: the pipeline in one place."""

from __future__ import annotations

import importlib.metadata
import time
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from shardplan.bulk import in_bulk
from shardplan.errors import Infeasible, Interrupted, NoPlanFound, SolverError
from shardplan.plan.build_plan import Alike, build_plan
from shardplan.plan.file.optimality import OPTIMAL_GAP, Optimality, Status, Termination
from shardplan.plan.file.provenance import HistoryPoint, RunInfo, SolverInfo
from shardplan.plan.predict import predict
from shardplan.planning.baseline import (
    baseline_placement,
    baseline_starts,
    placement_by_differencing,
)
from shardplan.planning.by_width import best_of
from shardplan.planning.formulate import formulate
from shardplan.planning.improvements import Improvements
from shardplan.planning.pace import Pace
from shardplan.planning.settle import settled
from shardplan.planning.shortfall import shortfalls
from shardplan.planning.widths import cases_by_width
from shardplan.solve.baselines.published import GreedyCost
from shardplan.solve.deadline import ENDLESS, Deadline
from shardplan.solve.outcome import Ending, gap_of
from shardplan.solve.portfolio.portfolio import solve
from shardplan.solve.search.search_params import SearchParams
from shardplan.solve.settings import Settings
from shardplan.spec.objective import Objective
from shardplan.surroundings import creation_time
from shardplan.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

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
    cases = cases_by_width(case)
    if len(cases) == 1:
        return _make_plan(cases[0], settings, reporter, start, proven, on_plan)

    def make(
        each: Case, limited: Settings, hears: Reporter, tell: Callable[[Plan], None] | None
    ) -> Plan:
        return _make_plan(each, limited, hears, start, proven, tell)

    return best_of(cases, make, settings, reporter, on_plan)


def _make_plan(
    case: Case,
    settings: Settings,
    reporter: Reporter,
    start: Sequence[Decision],
    proven: ProvenBound | None,
    on_plan: Callable[[Plan], None] | None,
) -> Plan:
    """The same for a case with one width of column shards in each module that does not pool."""
    started = time.monotonic()
    deadline = Deadline.after(settings.time_limit_seconds).unless(settings.should_stop)
    begun = formulated_in_time(case, settings, deadline)
    formulation, ends = begun.formulation, begun.ends
    begin = chain(_known(formulation, start), starts(case, formulation, settings, ends))
    first = ends
    if formulation.problem.is_uneven:
        first = ends.within(ends.seconds_left * _FIRST_SHARE)

    drafts = Drafts(case, formulation, settings)

    def build(found: Outcome) -> Plan:
        return timed(drafts.plan(found), started)

    hears = reporter
    if on_plan is not None:
        stop, seconds = settings.should_stop, begun.draft_seconds
        hears = Improvements(reporter, build, on_plan, first, stop, case=case, seconds=seconds)
    outcome = solve(formulation.problem, settings.until(first), hears, begin, proven)
    if outcome.is_infeasible:
        raise Infeasible(shortfalls(case, formulation.problem, explaining(deadline)))
    return build(settled(case, formulation, outcome, settings.until(ends), reporter))


@dataclass(frozen=True, slots=True)
class Begun:
    """A case that is formulated, and what is left to be done by when."""

    formulation: Formulation
    ends: Deadline
    """Of the search, so that its plan is written in time."""
    draft_seconds: float
    """What a plan on the way takes, about."""


def formulated_in_time(
    case: Case, settings: Settings, deadline: Deadline, builds: float = 1.0
) -> Begun:
    """Formulate a case; its plan takes ``builds`` times what one takes to build that is near none.

    Raises NoPlanFound where no plan of so many tables could be; and what ``formulate`` raises.
    """
    pace = Pace(deadline, (settings.search or SearchParams()).shared)
    formulation = formulate(case, deadline, pace.params)
    rehearsal = pace.rehearsed(case)
    building = builds * rehearsal.building
    writing = building + rehearsal.rendering
    pace.heed_writing(case, writing)
    ends = deadline
    if deadline.seconds_left < float("inf"):
        ends = deadline.within(deadline.seconds_left - writing)
    return Begun(formulation, ends, writing + rehearsal.verifying)


def timed(plan: Plan, started: float) -> Plan:
    """The plan with how long it took to make it."""
    run = plan.run.model_copy(update={"elapsed_seconds": time.monotonic() - started})
    return plan.model_copy(update={"run": run})


@dataclass(frozen=True, slots=True)
class _Draft:
    """A plan, and what it was made of."""

    placement: Placement
    solved: Prediction
    """Of what the solver placed, in the order and under the names that it gave."""
    decisions: tuple[Decision, ...]
    prediction: Prediction
    """Of the decisions."""
    plan: Plan


@dataclass(slots=True)
class Drafts:
    """Makes plans of what a solve finds; one placement is predicted and written down once."""

    case: Case
    formulation: Formulation
    settings: Settings
    arrange: Callable[[Sequence[Decision]], Sequence[Decision]] = lambda decisions: decisions
    """May deal column shards otherwise, which costs the same."""
    rename: Callable[[Sequence[Decision], Prediction], tuple[Sequence[Decision], Prediction]] = (
        lambda decisions, prediction: (decisions, prediction)
    )
    """May give ranks other names, under which the prediction may be a little longer."""
    last: _Draft | None = None
    _alike: Alike | None = None

    @in_bulk()
    def plan(self, outcome: Outcome) -> Plan:
        """Predict and write down what a solve found.

        Raises NoPlanFound or Interrupted where the solve found nothing.
        """
        placement, last = _placement(outcome), self.last
        elapsed = outcome.history[-1].seconds if outcome.history else 0.0
        solver, run = _solver_info(outcome, self.settings), _run_info(outcome, elapsed)
        if last is not None and last.placement == placement:
            claim = self._claim(outcome, last.solved, last.prediction)
            return last.plan.model_copy(update={"optimality": claim, "solver": solver, "run": run})
        found: Sequence[Decision] = self.arrange(self.formulation.decisions(placement))
        solved = predict(self.case, found)
        found, prediction = self.rename(found, solved)
        claim = self._claim(outcome, solved, prediction)
        self._alike = self._alike or Alike.of(self.case)
        plan = build_plan(self.case, found, prediction, claim, solver, run, self._alike)
        self.last = _Draft(placement, solved, tuple(found), prediction, plan)
        return plan

    def _claim(self, outcome: Outcome, solved: Prediction, prediction: Prediction) -> Optimality:
        is_uneven, gap = self.formulation.problem.is_uneven, self.settings.gap
        rounds = self.formulation.takes_whole_buckets(_placement(outcome))
        claim = _optimality(self.case, outcome, solved, is_uneven, gap, rounds)
        if prediction is solved:
            return claim
        return claim.reaching(_objective_seconds(self.case, prediction))


def finish_plan(case: Case, formulation: Formulation, outcome: Outcome, settings: Settings) -> Plan:
    """The plan of one outcome alone; see ``Drafts``."""
    return Drafts(case, formulation, settings).plan(outcome)


def _known(formulation: Formulation, decisions: Sequence[Decision]) -> list[Placement]:
    """The placement that decisions stand for, if they place all."""
    if not decisions:
        return []
    placement, is_placed = formulation.placement(decisions)
    return [placement] if is_placed.all() else []


def starts(
    case: Case, formulation: Formulation, settings: Settings, deadline: Deadline
) -> Iterable[Placement]:
    """What the solve begins with: the baselines, or the one that was asked for."""
    if settings.method == "auto":
        few_tables = (settings.search or SearchParams()).shared.few_tables
        is_small = formulation.problem.item_count <= few_tables
        return baseline_starts(case, formulation, ENDLESS if is_small else deadline)
    if settings.method == "differencing":
        return [placement_by_differencing(formulation)]
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
    case: Case,
    outcome: Outcome,
    prediction: Prediction,
    is_uneven: bool,
    asked_gap: float,
    rounds_buckets: bool,
) -> Optimality:
    predicted = _objective_seconds(case, prediction)
    mixes = outcome.placement is not None and outcome.placement.weights is not None
    differs = predicted - outcome.objective
    # What a cache misses is convex in its size: a mix of sizes may turn out better than claimed.
    # So may row blocks: the solver takes all of them to be as busy as the first.
    may_be_less = mixes or is_uneven or rounds_buckets
    # Dynamic tables have whole buckets of rows in HBM, and miss more than parts of them would.
    wrong = max(0.0 if rounds_buckets else differs, 0.0 if may_be_less else -differs)
    if wrong > _AGREEMENT * predicted:
        raise SolverError(
            f"the solver's objective, {outcome.objective:.9g} s, is not the plan's, "
            f"{predicted:.9g} s"
        )
    lower_bound = min(outcome.lower_bound, predicted)
    gap = gap_of(predicted, lower_bound)
    status = Status.FEASIBLE
    ending = outcome.ending
    if rounds_buckets and ending is Ending.GAP and gap > asked_gap:
        ending = Ending.NODE_LIMIT
    if ending is Ending.GAP or gap <= asked_gap:
        status = Status.WITHIN_GAP
    if gap <= OPTIMAL_GAP / 2:
        status = Status.OPTIMAL
    return Optimality.of(
        case.objective,
        predicted,
        lower_bound,
        bound=outcome.bound,
        status=status,
        termination=Termination(ending.value),
    )


def _objective_seconds(case: Case, prediction: Prediction) -> float:
    is_step = case.objective is Objective.STEP_TIME
    return prediction.step_seconds if is_step else prediction.balance_seconds


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
