"""What runs next: the best plans of models that agree with what was measured."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING

import numpy as np

from shardplan.tune.candidates.candidate import Candidate, likeness
from shardplan.tune.candidates.neighbours import faster_neighbours
from shardplan.tune.correct.corrected_case import corrected_case

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.tune.candidates.solving import Solving
    from shardplan.tune.correct.posterior import Posterior
    from shardplan.tune.tune_params import TuneParams


@dataclass(frozen=True, eq=False)
class NextRound:
    """What the candidates of a round after the first are made from."""

    case: Case
    solving: Solving
    posterior: Posterior
    number: int
    """Of the round."""
    params: TuneParams
    best: tuple[Decision, ...]
    """Of the fastest plan so far."""
    known: Container[object]
    """``likeness`` of all plans before."""

    def candidates(self) -> Iterator[Candidate]:
        """All of them, none like another or like one before."""
        seen: set[object] = set()
        for plan, words in chain(self._of_models(), self._of_neighbours()):
            like = likeness(plan)
            if like not in self.known and like not in seen:
                seen.add(like)
                letter = "abcdefghijklmnop"[len(seen) - 1]
                yield Candidate(f"round-{self.number}-{letter}", words, self.number, plan)

    def _of_models(self) -> Iterator[tuple[Plan, str]]:
        """The plan of the most likely model, and of some drawn at random.

        A plan that is best under a model as likely as any is as likely the best: running it either
        wins or shows that model to be wrong (Thompson, Biometrika 25, 1933). Each draw is farther
        out than the one before, since the form of the model is wrong too, until enough are new.
        """
        generator = np.random.default_rng([self.solving.settings.seed, self.number])
        values, words, new = self.posterior.values, "the best under the corrected model", set()
        for attempt in range(self.params.attempts + 1):
            plan = self.solving.plan_if_any(self._corrected(values))
            if plan is not None:
                new |= {likeness(plan)} if likeness(plan) not in self.known else set()
                yield plan, words
            if len(new) >= self.params.draws:
                return
            values = self.posterior.draw(generator, 1 + attempt * self.params.widening)
            words = "the best under a model that the runs leave open"

    def _of_neighbours(self) -> Iterator[tuple[Plan, str]]:
        """Plans that the most likely model holds for faster than the fastest, or nearly so."""
        there, params = self._corrected(self.posterior.values), self.params
        plans = faster_neighbours(there, self.best, self.solving.settings, params.slack)
        new = (plan for plan in plans if likeness(plan) not in self.known)
        for plan in islice(new, params.neighbours):
            yield plan, "the fastest so far, but for one table"

    def _corrected(self, values: NDArray[np.float64]) -> Case:
        return corrected_case(self.case, self.posterior.unknowns.corrections(values))
