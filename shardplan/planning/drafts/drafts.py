"""From what a solve found to a plan."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.bulk import in_bulk
from shardplan.errors import Interrupted, NoPlanFound
from shardplan.plan.build_plan import Alike, build_plan
from shardplan.plan.predict import predict
from shardplan.planning.drafts.claim import claimed, objective_seconds
from shardplan.planning.drafts.provenance_of import run_info, solver_info
from shardplan.solve.outcome import Ending

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.optimality import Optimality
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.predict import Prediction
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.outcome import Outcome
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.settings import Settings


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
        placement, last = placement_of(outcome), self.last
        elapsed = outcome.history[-1].seconds if outcome.history else 0.0
        solver, run = solver_info(outcome, self.settings), run_info(outcome, elapsed)
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
        rounds = self.formulation.takes_whole_buckets(placement_of(outcome))
        claim = claimed(self.case, outcome, solved, is_uneven, gap, rounds)
        if prediction is solved:
            return claim
        return claim.reaching(objective_seconds(self.case, prediction))


def finish_plan(case: Case, formulation: Formulation, outcome: Outcome, settings: Settings) -> Plan:
    """The plan of one outcome alone; see ``Drafts``."""
    return Drafts(case, formulation, settings).plan(outcome)


def placement_of(outcome: Outcome) -> Placement:
    if outcome.placement is not None:
        return outcome.placement
    if outcome.ending is Ending.INTERRUPTED:
        raise Interrupted("interrupted before there was a plan")
    raise NoPlanFound(
        f"no plan found within the limits ({outcome.ending}), and no proof that there is none"
    )
