"""What runs next: the best plans of models that agree with what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.tune.candidates.candidate import Candidate, likeness
from shardplan.tune.correct.corrected_case import corrected_case

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from shardplan.case import Case
    from shardplan.tune.candidates.solving import Solving
    from shardplan.tune.correct.posterior import Posterior
    from shardplan.tune.tune_params import TuneParams


def next_candidates(
    case: Case,
    solving: Solving,
    posterior: Posterior,
    number: int,
    params: TuneParams,
    known: Container[object],
) -> Iterator[Candidate]:
    """Of round ``number``: the plan of the most likely model, and of some drawn at random.

    A plan that is best under a model as likely as any is as likely the best: running it either wins
    or shows that model to be wrong (Thompson, Biometrika 25, 1933). Each draw is farther out than
    the one before, since the form of the model is wrong too, until ``params.draws`` are like none
    of the ``known`` (``likeness``).
    """
    generator = np.random.default_rng([solving.settings.seed, number])
    seen: set[object] = set()
    values, words = posterior.values, "the best under the corrected model"
    for attempt in range(params.attempts + 1):
        there = corrected_case(case, posterior.unknowns.corrections(values))
        plan = solving.plan_if_any(there)
        like = None if plan is None else likeness(plan)
        if plan is not None and like not in known and like not in seen:
            yield Candidate(f"round-{number}-{'abcdefghij'[len(seen)]}", words, number, plan)
            seen.add(like)
        if len(seen) >= params.draws:
            return
        values = posterior.draw(generator, 1 + attempt * params.widening)
        words = "the best under a model that the runs leave open"
