"""From the measured steps of a design to coefficients, and how good they are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.calibrate.accuracy import Accuracy
from shardplan.calibrate.steps.fitted.step_fit import StepFit, fit_steps
from shardplan.calibrate.steps.terms.priced_plan import PricedPlan
from shardplan.calibrate.steps.terms.step_terms import PARTS, step_terms, with_values
from shardplan.calibrate.steps.training.step_time import by_plan
from shardplan.errors import ShardplanError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.calibrate.steps.design.step_design import StepDesign
    from shardplan.calibrate.steps.design.step_plan import StepPlan
    from shardplan.calibrate.steps.terms.figures import Figures
    from shardplan.calibrate.steps.training.step_time import StepTime

CACHE_SIZES = tuple(2**power for power in range(18, 27, 2))
"""Of an on-chip cache, in bytes, of which the one that suits the steps best is taken."""
_FEWEST = 12
_LEAST_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class StepCalibration:
    """Coefficients fitted to some plans of a design, held against the others."""

    figures: Figures
    """With all coefficients in their places."""
    fit: StepFit
    fitted: dict[str, Accuracy]
    """Of the plans that were fitted to, by part of the step, and of the step."""
    held_out: dict[str, Accuracy]
    """Of the others; empty where none was measured."""
    fitted_plans: int
    held_out_plans: int

    @classmethod
    def of(cls, bare: Figures, design: StepDesign, times: Sequence[StepTime]) -> Self:
        """``bare`` says what collectives and sweeps take by themselves, and nothing else.

        Raises ShardplanError where too few plans were measured.
        """
        each_once = by_plan(times)
        shown = [each for each in each_once if not design.is_held_out[each.plan]]
        apart = [each for each in each_once if design.is_held_out[each.plan]]
        if len(shown) < _FEWEST:
            raise ShardplanError(
                f"a fit needs at least {_FEWEST} trained plans; there are {len(shown)}: raise the "
                "budget, or run again to go on"
            )
        priced = _Priced.of(bare, design, shown)
        tried = [_Tried.of(priced.with_cache(size), _seconds(shown)) for size in CACHE_SIZES]
        best = min(tried, key=lambda each: each.error)
        held_out: dict[str, Accuracy] = {}
        if apart:
            others = _Priced.of(bare, design, apart).with_cache(best.cache_bytes)
            held_out = _accuracies(best.fit.part_seconds(others.plans), _seconds(apart))
        return cls(
            with_values(best.priced.bare, best.fit.terms, best.fit.values.tolist()),
            best.fit,
            _accuracies(best.predicted, _seconds(shown)),
            held_out,
            len(shown),
            len(apart),
        )


@dataclass(frozen=True, eq=False, slots=True)
class _Priced:
    """Plans that were trained, and figures of one size of the cache."""

    bare: Figures
    trained: tuple[StepPlan, ...]
    plans: tuple[PricedPlan, ...]

    @classmethod
    def of(cls, figures: Figures, design: StepDesign, times: Sequence[StepTime]) -> _Priced:
        bare = figures.with_cache(CACHE_SIZES[0])
        trained = tuple(design.plans[each.plan] for each in times)
        plans = [PricedPlan.of(each.case, each.decisions, bare, step_terms()) for each in trained]
        return cls(bare, trained, tuple(plans))

    def with_cache(self, cache_bytes: int) -> _Priced:
        """With another size: only what rests on it is worked out again."""
        if cache_bytes == self.bare.profile.on_chip_cache_bytes:
            return self
        bare = self.bare.with_cache(cache_bytes)
        at = [place for place, term in enumerate(step_terms()) if term.rests_on_cache]
        terms = [step_terms()[place] for place in at]
        plans = [
            plan.with_terms(at, PricedPlan.of(each.case, each.decisions, bare, terms))
            for each, plan in zip(self.trained, self.plans, strict=True)
        ]
        return replace(self, bare=bare, plans=tuple(plans))


@dataclass(frozen=True, eq=False, slots=True)
class _Tried:
    """A fit with one size of the cache."""

    priced: _Priced
    fit: StepFit
    predicted: NDArray[np.float64]
    error: float

    @classmethod
    def of(cls, priced: _Priced, seconds: NDArray[np.float64]) -> _Tried:
        fit = fit_steps(step_terms(), priced.plans, seconds)
        predicted = fit.part_seconds(priced.plans)
        error = np.abs(predicted.sum(axis=1) / seconds.sum(axis=1) - 1).mean()
        return cls(priced, fit, predicted, float(error))

    @property
    def cache_bytes(self) -> int:
        return self.priced.bare.profile.on_chip_cache_bytes


def _seconds(times: Sequence[StepTime]) -> NDArray[np.float64]:
    """(plans, parts): of a step its parts, in proportion so that they add up to it.

    The slowest rank of one part need not be that of the next, so that parts may add up to more.
    """
    parts = np.array([each.part_seconds for each in times])
    steps = np.array([each.step_seconds for each in times])
    found: NDArray[np.float64] = parts * (steps / parts.sum(axis=1))[:, None]
    return found


def _accuracies(
    predicted: NDArray[np.float64], seconds: NDArray[np.float64]
) -> dict[str, Accuracy]:
    """Of the steps, and of each part in the plans whose step it is a tenth of at least."""
    steps = seconds.sum(axis=1)
    found = {}
    for at, part in enumerate(PARTS):
        counts = seconds[:, at] >= _LEAST_SHARE * steps
        if counts.any():
            found[part] = Accuracy.of(predicted[counts, at], seconds[counts, at])
    return found | {"step": Accuracy.of(predicted.sum(axis=1), steps)}
