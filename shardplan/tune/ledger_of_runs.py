"""All that was tried, in memory and in its folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.tune.candidates.candidate import Candidate, decisions_of, likeness
from shardplan.tune.correct.observation import Observation
from shardplan.tune.folder.tune_state import KnownCandidate, Run
from shardplan.tune.race.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.tune.folder.tune_folder import TuneFolder
    from shardplan.tune.folder.tune_state import JobFacts
    from shardplan.tune.job.job import JobFailed
    from shardplan.tune.tune_params import RaceParams


class LedgerOfRuns:
    """Candidates, passes and runs; each change is in the folder before the next is made."""

    def __init__(self, folder: TuneFolder, job: JobFacts, case: Case, race: RaceParams) -> None:
        self._folder, self._case, self._race = folder, case, race
        self.state = folder.state(job)
        self._standing: Standing | None = None
        self._plans: dict[str, Plan] = {}
        self._decisions: dict[str, tuple[Decision, ...]] = {}
        self.likenesses = {
            likeness(self.plan(each.name)): each.name for each in self.state.candidates
        }

    @property
    def candidates(self) -> tuple[KnownCandidate, ...]:
        """In the order in which they were proposed."""
        return self.state.candidates

    def has_run(self, name: str) -> bool:
        """Whether a plan has run well before."""
        return any(run.candidate == name for run in self.state.runs)

    @property
    def running(self) -> list[str]:
        """Those that have not failed."""
        return [each.name for each in self.candidates if each.failed is None]

    def add_round(
        self, candidates: Sequence[Candidate], predicted: Sequence[float]
    ) -> list[Candidate]:
        """Take in the candidates of a round; see ``add``."""
        new = self.add(candidates, predicted)
        self.put(tried=self.state.tried + 1)
        return new

    def add(self, candidates: Sequence[Candidate], predicted: Sequence[float]) -> list[Candidate]:
        """Take in those that are like no other, with what the calibrated model predicts."""
        new, known = [], list(self.candidates)
        for each, seconds in zip(candidates, predicted, strict=True):
            like = likeness(each.plan)
            if like in self.likenesses:
                known = [_also(one, each, self.likenesses[like]) for one in known]
                continue
            self.likenesses[like] = each.name
            self._folder.put_plan(each.name, each.plan)
            new.append(each)
            known.append(
                KnownCandidate(
                    name=each.name,
                    origin=each.origin,
                    round=each.round,
                    predicted_seconds=seconds,
                    is_given=each.is_given,
                )
            )
        if known != list(self.candidates):
            self.put(candidates=tuple(known))
        return new

    def begin_pass(self, names: Sequence[str]) -> int:
        """Its number."""
        self.put(passes=(*self.state.passes, tuple(names)))
        return len(self.state.passes)

    def add_run(self, run: Run) -> None:
        """A plan ran."""
        self.put(runs=(*self.state.runs, run))

    def leave_out(self, name: str, error: JobFailed) -> None:
        """A plan did not run, and will not again."""
        update = {"failed": error.reason, "said": error.said}
        self.put(
            candidates=tuple(
                each.model_copy(update=update) if each.name == name else each
                for each in self.candidates
            )
        )

    def forgive(self, names: Sequence[str]) -> None:
        """It was the job that was at fault: plans get another chance."""
        update = {"failed": None, "said": ()}
        self.put(
            candidates=tuple(
                each.model_copy(update=update) if each.name in names else each
                for each in self.candidates
            )
        )

    def end_round(self, best: str) -> None:
        """A round is over."""
        state = self.state
        self.put(
            best_of_rounds=(*state.best_of_rounds, best),
            passes_of_rounds=(*state.passes_of_rounds, len(state.passes)),
        )

    def begin_race_anew(self) -> None:
        """Count passes from here, as if a round had just ended."""
        before = self.state.passes_of_rounds[:-1]
        if self.state.passes_of_rounds:
            self.put(passes_of_rounds=(*before, len(self.state.passes)))

    @property
    def passes_since(self) -> int:
        """How many passes were begun since the last round that is over."""
        return len(self.state.passes) - (self.state.passes_of_rounds or (0,))[-1]

    def put(self, **changes: object) -> None:
        """Change what is known."""
        self.state = self.state.model_copy(update=changes)
        self._standing = None
        self._folder.keep(self.state)

    def unfinished(self) -> tuple[int, list[str]]:
        """The last pass, and which of its plans are still to run."""
        number = len(self.state.passes)
        if not number:
            return 0, []
        done = {run.candidate for run in self.state.runs if run.number == number}
        return number, [
            name for name in self.state.passes[-1] if name in self.running and name not in done
        ]

    def standing(self) -> Standing:
        """Of the plans that have not failed, by their positions in ``running``."""
        if self._standing is None:
            self._standing = self._standing_now()
        return self._standing

    def _standing_now(self) -> Standing:
        names = self.running
        column = {name: position for position, name in enumerate(names)}
        seconds = np.full((max(len(self.state.passes), 1), len(names)), np.nan)
        for run in self.state.runs:
            if run.candidate in column:
                seconds[run.number - 1, column[run.candidate]] = run.step_seconds
        return Standing.of(seconds, self._race)

    def best(self) -> str | None:
        """The fastest plan so far."""
        found = self.standing().best
        return None if found is None else self.running[found]

    def plan(self, name: str) -> Plan:
        """A candidate's."""
        if name not in self._plans:
            self._plans[name] = self._folder.plan(name)
        return self._plans[name]

    def decisions(self, name: str) -> tuple[Decision, ...]:
        """Of a candidate's plan."""
        if name not in self._decisions:
            self._decisions[name] = decisions_of(self.plan(name), self._case)
        return self._decisions[name]

    def observations(self) -> list[Observation]:
        """Of every plan that ran: its step without what passes did to all, medians of phases over
        the runs that timed them."""
        standing, names, found = self.standing(), self.running, []
        for place in standing.places:
            name = names[place.plan]
            runs = [run for run in self.state.runs if run.candidate == name]
            drift = place.seconds / float(np.median([run.step_seconds for run in runs]))
            phases = {phase for run in runs for phase in run.phases}
            found.append(
                Observation(
                    decisions=self.decisions(name),
                    step_seconds=place.seconds,
                    phase_seconds={
                        phase: drift
                        * float(np.median([r.phases[phase] for r in runs if phase in r.phases]))
                        for phase in sorted(phases)
                    },
                    runs=place.runs,
                    noise=standing.noise,
                )
            )
        return found


def _also(known: KnownCandidate, other: Candidate, name: str) -> KnownCandidate:
    """A candidate, where it is the one of that name told apart from another by name alone."""
    if known.name != name:
        return known
    is_given = known.is_given or other.is_given
    also = tuple(each for each in dict.fromkeys((*known.also, other.name)) if each != name)
    return known.model_copy(update={"also": also, "is_given": is_given})
