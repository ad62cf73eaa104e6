"""What runs next: the best plans of models that agree with what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.tune.candidates.candidate import Candidate
from shardplan.tune.correct.corrected_case import corrected_case

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.case import Case
    from shardplan.tune.candidates.solving import Solving
    from shardplan.tune.correct.posterior import Posterior


def next_candidates(
    case: Case, solving: Solving, posterior: Posterior, number: int, draws: int
) -> Iterator[Candidate]:
    """Of round ``number``: the plan of the most likely model, and of ``draws`` drawn at random.

    A plan that is best under a model as likely as any is as likely the best: running it either wins
    or shows that model to be wrong (Thompson, Biometrika 25, 1933). Each draw is farther out than
    the one before, since the form of the model is wrong too.
    """
    generator = np.random.default_rng([solving.settings.seed, number])
    vectors = [posterior.values]
    vectors += [posterior.draw(generator, width) for width in range(1, draws + 1)]
    for position, values in enumerate(vectors):
        there = corrected_case(case, posterior.unknowns.corrections(values))
        plan = solving.plan_if_any(there)
        if plan is not None:
            words = "the best under the corrected model"
            if position:
                words = "the best under a model that the measurements leave open"
            yield Candidate(f"round-{number}-{'abcdefghij'[position]}", words, number, plan)
