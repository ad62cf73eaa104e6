"""Coefficients of the step model from measured steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.calibrate.fit.nnls import nnls

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.calibrate.steps.terms.priced_plan import PricedPlan
    from shardplan.calibrate.steps.terms.step_term import StepTerm

    Values = NDArray[np.float64]

_SWAPS = 6
"""Times that each phase's slowest rank is looked for anew."""
_REWEIGHTINGS = 8
_SMALL_ERROR = 0.01
"""Relative errors below this are all alike; keeps weights finite."""
_PART_WEIGHT = 0.5
"""Of an equation of a part, beside that of a whole step."""
_RIDGE = 0.05
"""Of a coefficient of which nothing is known before, beside an equation of a whole step."""
_MOST_SHARE = 0.3
_USUAL_WEIGHT = 0.1
"""Of what is known of a coefficient before, beside all equations together: strong enough where
steps do not tell a collective from the copies around it, too weak to stand against them."""


@dataclass(frozen=True, eq=False, slots=True)
class StepFit:
    """K coefficients, in the order of their terms."""

    terms: tuple[StepTerm, ...]
    values: Values
    """(K,), none negative."""

    def part_seconds(self, plans: Sequence[PricedPlan]) -> Values:
        """(plans, parts): predicted."""
        return np.stack([plan.part_seconds(self.values) for plan in plans])


def fit_steps(terms: Sequence[StepTerm], plans: Sequence[PricedPlan], seconds: Values) -> StepFit:
    """The non-negative coefficients that predict ``seconds`` (plans, parts) best.

    About the least sum of absolute errors, each relative to its whole step: of the parts, and of
    the steps that they add up to. A phase lasts as long as its slowest rank, which depends on the
    coefficients: it is looked for again after each fit. Coefficients that the steps do not tell
    apart stay near what is usual of them: a collective takes as long as alone, all else nothing.
    """
    usual = np.array([term.usual for term in terms])
    steps = seconds.sum(axis=1)
    values: Values | None = None
    for _ in range(_SWAPS):
        rows = np.stack([plan.rows(values) for plan in plans]) / steps[:, None, None]
        found = _robust(*_equations(rows, seconds / steps[:, None]), usual)
        if values is not None and np.allclose(found, values, rtol=1e-6, atol=0):
            break
        values = found
    assert values is not None
    return StepFit(tuple(terms), values)


def _equations(rows: Values, shares: Values) -> tuple[Values, Values]:
    """Of (plans, parts, K) rows those of the parts, and of each step; (E, K) and (E,)."""
    parts = _PART_WEIGHT * rows.reshape(-1, rows.shape[2])
    columns = np.concatenate([parts, rows.sum(axis=1)])
    targets = np.concatenate([_PART_WEIGHT * shares.ravel(), np.ones(len(rows))])
    return columns, targets


def _robust(columns: Values, targets: Values, usual: Values) -> Values:
    """Iteratively reweighted non-negative least squares (Holland and Welsch, 1977)."""
    sizes = np.sqrt((columns**2).mean(axis=0))
    known = _USUAL_WEIGHT * np.sqrt(len(targets))
    sizes = np.where(sizes > 0, sizes, 1.0)
    # What would be most of a step as it is usual cannot be so: that is no reason to insist on it.
    prior = np.diag(np.where(usual > 0, known * np.minimum(sizes, _MOST_SHARE), _RIDGE * sizes))
    weights = np.ones(len(targets))
    found = usual
    for _ in range(_REWEIGHTINGS):
        stacked = np.concatenate([columns * weights[:, None], prior])
        wanted = np.concatenate([targets * weights, prior @ usual])
        found = nnls(stacked, wanted)
        errors = np.abs(columns @ found - targets)
        weights = 1 / np.sqrt(np.maximum(errors, _SMALL_ERROR))
        weights /= weights.mean()
    return found
