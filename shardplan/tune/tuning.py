"""The loop: solve, run what is new in turn, correct the model by what was measured, solve again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from shardplan.errors import Interrupted, NoPlanFound
from shardplan.plan.predict import predict
from shardplan.solve.deadline import ENDLESS
from shardplan.tune.candidates.candidate import Candidate, decisions_of, likeness
from shardplan.tune.candidates.first_round import first_candidates
from shardplan.tune.candidates.next_round import NextRound
from shardplan.tune.correct.corrected_case import can_correct, corrected_cost_model
from shardplan.tune.correct.posterior import Posterior
from shardplan.tune.job.job import JobFailed
from shardplan.tune.race.race import Race
from shardplan.tune.summing_up import summed_up
from shardplan.tune.tune_params import TuneParams
from shardplan.tune.tune_reporter import TuneReporter
from shardplan.tune.tuned import End

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.deadline import Deadline
    from shardplan.tune.candidates.solving import Solving
    from shardplan.tune.folder.tune_folder import TuneFolder
    from shardplan.tune.job.job import Job
    from shardplan.tune.ledger_of_runs import LedgerOfRuns
    from shardplan.tune.tuned import Tuned


@dataclass(frozen=True, eq=False)
class Tuning:
    """One tuning, begun or gone on with: all that it knows is in the ledger."""

    case: Case
    job: Job
    ledger: LedgerOfRuns
    folder: TuneFolder
    solving: Solving
    given: Sequence[tuple[str, Plan]] = ()
    """Plans of the user's own that run too, by name."""
    params: TuneParams = field(default_factory=TuneParams)
    budget: Deadline = ENDLESS
    should_stop: Callable[[], bool] = field(default=lambda: False)
    reporter: TuneReporter = field(default_factory=TuneReporter)

    def run(self) -> Tuned:
        """Go on until the best plan stays the best, or rounds or time are spent.

        Raises
        ------
        JobFailed
            When the job runs under no plan. Where it has run, and does not any more, that is the
            end.
        NoPlanFound
            When the budget was spent before any plan had run.
        Infeasible
            When the spec has no plan.
        Interrupted
            When it was interrupted before any plan had run.
        """
        try:
            end = self._loop()
        except Interrupted:
            if self.ledger.best() is None:
                raise
            end = End.INTERRUPTED
        except JobFailed as error:
            if self.ledger.best() is None:
                raise
            self.reporter.stopped(error)
            end = End.FAILED
        best = self.ledger.best()
        if best is None:
            raise NoPlanFound("the budget was spent before any plan had run")
        self.folder.put_best(best)
        return summed_up(self.case, self.job, self.ledger, self.params, end, self._posterior())

    def cost_model(self) -> dict[str, Any] | None:
        """The corrected cost model as a file has it, once a plan has run.

        None where it is of a kind that cannot be corrected.
        """
        posterior = self._posterior()
        if posterior is None:
            return None
        runs = self.ledger.state.runs
        plans = len({run.candidate for run in runs})
        words = f"shardplan tune: {len(runs)} runs of {plans} plans by {self.job.words}"
        corrections = posterior.unknowns.corrections(posterior.values)
        value = corrected_cost_model(self.case, corrections, words)
        return value | {"name": f"{value['name']}-tuned"}

    def _loop(self) -> End:
        race = Race(self.ledger, self.folder, self.job, self.reporter)
        first_part = self.budget.within(self.budget.seconds_left * (1 - self.params.last_share))
        self._take_given()
        end = self._rounds(race, first_part)
        race.run(self.params.race.most_passes, self._is_over(self.budget))
        return End.BUDGET if self.budget.is_over else end

    def _rounds(self, race: Race, deadline: Deadline) -> End:
        """Rounds, each with a short race."""
        ledger, is_over = self.ledger, self._is_over(deadline)
        while not is_over():
            number = len(ledger.state.best_of_rounds) + 1
            if self._is_stable():
                return End.SETTLED
            if number > self.params.rounds:
                return End.ROUNDS
            if ledger.state.tried < number:
                self.reporter.solving(number)
                new = self._propose(number, deadline)
                self.reporter.proposed(number, new)
                if not new:
                    return End.SETTLED
            race.run(self.params.race.passes_a_round, is_over)
            best = ledger.best()
            if best is None or is_over():
                break
            ledger.end_round(best)
        return End.BUDGET

    def _is_over(self, deadline: Deadline) -> Callable[[], bool]:
        def is_over() -> bool:
            if self.should_stop():
                raise Interrupted("interrupted before any plan had run")
            return deadline.is_over

        return is_over

    def _is_stable(self) -> bool:
        """Whether the best plan has been the same for ``patience`` rounds after it came first."""
        last = self.ledger.state.best_of_rounds[-self.params.patience - 1 :]
        return len(last) > self.params.patience and len(set(last)) == 1

    def _take_given(self) -> None:
        """Plans of the user's own that were not there when the first round began run now."""
        if self.ledger.state.tried:
            found = self._given()
            if self.ledger.add(found, [self._predicted(each) for each in found]):
                self.ledger.begin_race_anew()

    def _given(self) -> list[Candidate]:
        """Each by a name that no other plan has."""
        names, found = (
            {each.name: self.ledger.plan(each.name) for each in self.ledger.candidates},
            [],
        )
        for stem, plan in self.given:
            name, number = stem, 1
            while name in names and likeness(names[name]) != likeness(plan):
                number += 1
                name = f"{stem}-{number}"
            names[name] = plan
            found.append(Candidate(name, "given", max(self.ledger.state.tried, 1), plan, True))
        return found

    def _propose(self, number: int, deadline: Deadline) -> list[Candidate]:
        """The plans of a round that are like none before; each is in the ledger.

        Raises Interrupted: plans of solves that were cut short are no round's.
        """
        solving = replace(self.solving, deadline=deadline).within(self.params.look_share)
        found = list(self._first(solving) if number == 1 else self._next(number, solving))
        self._is_over(deadline)()
        return self.ledger.add_round(found, [self._predicted(each) for each in found])

    def _first(self, solving: Solving) -> list[Candidate]:
        return [*first_candidates(self.case, solving, self.params), *self._given()]

    def _next(self, number: int, solving: Solving) -> Iterator[Candidate]:
        """None where nothing is learnt from what was measured."""
        posterior, best = self._posterior(), self.ledger.best()
        if posterior is not None and best is not None:
            yield from NextRound(
                self.case,
                solving,
                posterior,
                number,
                self.params,
                self.ledger.decisions(best),
                self.ledger.likenesses,
            ).candidates()

    def _predicted(self, candidate: Candidate) -> float:
        """By the cost model of the spec."""
        decisions = decisions_of(candidate.plan, self.case)
        return predict(self.case, decisions).step_seconds

    def _posterior(self) -> Posterior | None:
        """None where the cost model is of a kind that cannot be corrected."""
        if not can_correct(self.case):
            return None
        return Posterior.of(self.case, self.ledger.observations(), self.params.priors)
