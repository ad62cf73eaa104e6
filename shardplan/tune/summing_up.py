"""From all runs to what is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.predict import predict
from shardplan.tune.correct.corrected_case import corrected_case
from shardplan.tune.tuned import Accuracy, CorrectedTerm, Outcome, Tuned, TunedPlan

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.cost.profile.corrections import Corrections
    from shardplan.tune.correct.posterior import Posterior
    from shardplan.tune.folder.tune_state import KnownCandidate
    from shardplan.tune.job.job import Job
    from shardplan.tune.ledger_of_runs import LedgerOfRuns
    from shardplan.tune.race.standing import Place
    from shardplan.tune.tune_params import TuneParams
    from shardplan.tune.tuned import End

_FEWEST = 3
"""Of plans, for a correlation."""


def summed_up(
    case: Case,
    job: Job,
    ledger: LedgerOfRuns,
    params: TuneParams,
    end: End,
    posterior: Posterior | None,
) -> Tuned:
    """What a ledger with at least one run says."""
    standing, best = ledger.standing(), ledger.best()
    assert best is not None, "at least one plan ran"
    corrections = posterior.unknowns.corrections(posterior.values) if posterior else None
    plans = _plans(case, ledger, corrections)
    ran = [each for each in plans if each.measured_seconds]
    return Tuned(
        name=case.workload.name,
        command=job.words,
        best=best,
        end=end,
        rounds=len(ledger.state.best_of_rounds),
        runs=len(ledger.state.runs),
        noise=standing.noise,
        error=params.race.error,
        margin=params.race.margin,
        is_certain=standing.is_settled,
        plans=plans,
        terms=_terms(corrections),
        calibrated=_accuracy(ran, [each.predicted_seconds for each in ran]),
        corrected=(
            _accuracy(ran, [each.corrected_seconds or 0.0 for each in ran]) if corrections else None
        ),
    )


def _plans(
    case: Case, ledger: LedgerOfRuns, corrections: Corrections | None
) -> tuple[TunedPlan, ...]:
    standing, names = ledger.standing(), ledger.running
    there = None if corrections is None else corrected_case(case, corrections)
    places = {names[place.plan]: place for place in standing.places}
    order = {name: position for position, name in enumerate(places)}
    found = []
    for known in sorted(ledger.candidates, key=lambda each: order.get(each.name, len(order))):
        corrected = None
        if there is not None:
            corrected = predict(there, ledger.decisions(known.name)).step_seconds
        is_best = known.name == next(iter(order), None)
        found.append(_plan(known, places.get(known.name), is_best, corrected))
    return tuple(found)


def _plan(
    known: KnownCandidate, place: Place | None, is_best: bool, corrected: float | None
) -> TunedPlan:
    if known.failed is not None:
        outcome = Outcome.FAILED
    elif place is None:
        outcome = Outcome.UNTRIED
    elif is_best:
        outcome = Outcome.BEST
    elif place.is_out:
        outcome = Outcome.SLOWER
    else:
        outcome = Outcome.NO_FASTER if place.is_settled else Outcome.OPEN
    return TunedPlan(
        name=known.name,
        origin=known.origin,
        round=known.round,
        is_given=known.is_given,
        also=known.also,
        outcome=outcome,
        predicted_seconds=known.predicted_seconds,
        corrected_seconds=corrected,
        measured_seconds=place.seconds if place else None,
        runs=place.runs if place else 0,
        ratio=place.ratio if place else None,
        least_ratio=place.least_ratio if place else None,
        failure=known.failed or "",
        said=known.said,
    )


def _terms(corrections: Corrections | None) -> tuple[CorrectedTerm, ...]:
    return tuple(
        CorrectedTerm(
            each.phase,
            each.sharding.name if each.sharding else "",
            each.factor,
            each.per_step_seconds,
            each.per_table_seconds,
            each.per_group_seconds,
        )
        for each in (corrections.each if corrections else ())
    )


def _accuracy(ran: Sequence[TunedPlan], predicted: Sequence[float]) -> Accuracy:
    measured = np.array([each.measured_seconds for each in ran])
    error = float(np.abs(np.array(predicted) / measured - 1).mean())
    if len(ran) < _FEWEST:
        return Accuracy(error, None)
    one, other = (np.argsort(np.argsort(values)) for values in (predicted, measured))
    return Accuracy(error, float(np.corrcoef(one, other)[0, 1]))
