"""Runs of several plans in turn: what each takes, and how surely one is faster than another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import log, sqrt
from typing import TYPE_CHECKING

import numpy as np

from shardplan.tune.race.student_t import t_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.tune.tune_params import RaceParams

_POLISHES = 20
_POLISHED = 1e-9
"""In log space: what moves less has arrived."""
_MAD_TO_SIGMA = 1.4826
"""Of a normal distribution: standard deviation over median absolute deviation."""
_CLIPPED = 3.0
"""In standard deviations: what lies farther out counts as if it lay there."""
_FREEDOM_KEPT = 0.9
"""Of degrees of freedom, where what lies far out is clipped."""
_HUBER = 1.345
"""In standard deviations: beyond, a difference counts no more for lying farther out. Of normal ones
the estimate then has 95% of a mean's precision (Huber, Robust Statistics, 1981)."""
_PRECISION = 0.95
_FEW = 3
"""Fewer passes than these could all have been disturbed."""


@dataclass(frozen=True, eq=False)
class PairedTimes:
    """R passes over C plans, in each of which those still in the race ran once, one after another.

    A machine drifts: runs of the same pass share what it does to them. So the log of a time is
    taken for the plan's own, the pass's own, and noise, alike for all plans; both are found by
    median polish (Tukey, Exploratory Data Analysis, 1977), which outliers do not move.
    """

    seconds: NDArray[np.float64]
    """(R, C): of a step; nan where a plan did not run."""
    params: RaceParams

    @cached_property
    def plan_seconds(self) -> NDArray[np.float64]:
        """(C,): what a step of each takes in an ordinary pass; nan where it never ran."""
        apart = self._logs - self._polished[1][:, None]
        return np.exp([_centre(each, self.noise) for each in apart.T])

    @cached_property
    def noise(self) -> float:
        """Relative, of one run: a standard deviation that outliers do not move."""
        residuals, freedom = self._residuals
        params, found = self.params, 0.0
        if freedom > 0 and residuals.any():
            away = np.abs(residuals)
            limit = _CLIPPED * _MAD_TO_SIGMA * float(np.median(away[away > 0]))
            found = float((np.minimum(away, limit) ** 2).sum()) / freedom
        weights = np.array([_FREEDOM_KEPT * freedom, params.prior_runs])
        return sqrt(float(weights @ np.array([found, params.prior_noise**2])) / weights.sum())

    def runs(self, plan: int) -> int:
        """How often a plan ran."""
        return int(np.isfinite(self.seconds[:, plan]).sum())

    def ratio(self, plan: int, other: int) -> float:
        """What a plan takes over what the other takes, in the passes that had both.

        nan where there was none.
        """
        return float(np.exp(self._difference(plan, other)))

    def least_ratio(self, plan: int, other: int, rivals: int) -> float:
        """Below which the ratio lies with no more than the chance of an error, 0 if unknown.

        It holds for all passes and ``rivals`` at once: of the error, a rival's n-th pass has
        ``1 / (n (n + 1) rivals)``, which add up to all of it.
        """
        count = self._passes_of_both(plan, other)
        tail = self.params.error / (max(count, 1) * (count + 1) * max(rivals, 1))
        return self.ratio_above(plan, other, tail)

    def ratio_above(self, plan: int, other: int, tail: float) -> float:
        """Below which the ratio lies with the chance ``tail`` at most, 0 if unknown.

        Before there are three passes, any may be of a run that was disturbed.
        """
        count = self._passes_of_both(plan, other)
        if not count:
            return 0.0
        params = self.params
        freedom = params.prior_runs + _FREEDOM_KEPT * self._residuals[1]
        error = sqrt(2 / (_PRECISION * count)) * self.noise
        doubt = 0.0 if count >= _FEW else log(params.disturbed)
        least = self._difference(plan, other) - t_quantile(tail, freedom) * error - doubt
        return float(np.exp(least))

    def _passes_of_both(self, plan: int, other: int) -> int:
        return int(np.isfinite(self._logs[:, plan] - self._logs[:, other]).sum())

    def _difference(self, plan: int, other: int) -> float:
        """Of the logs, in the passes that had both; nan where there was none."""
        return _centre(self._logs[:, plan] - self._logs[:, other], sqrt(2) * self.noise)

    @cached_property
    def _logs(self) -> NDArray[np.float64]:
        return np.log(self.seconds)

    @cached_property
    def _polished(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(C,) and (R,): of plans and of passes, whose median is 0."""
        logs = self._logs
        of_plan, of_pass = np.full(logs.shape[1], np.nan), np.zeros(len(logs))
        ran, used = np.isfinite(logs).any(axis=0), np.isfinite(logs).any(axis=1)
        for _ in range(_POLISHES if ran.any() else 0):
            of_plan[ran] = np.nanmedian(logs[:, ran] - of_pass[:, None], axis=0)
            before = of_pass.copy()
            of_pass[used] = np.nanmedian(logs[used] - of_plan, axis=1)
            of_pass[used] -= np.median(of_pass[used])
            if np.abs(of_pass - before).max() < _POLISHED:
                break
        return of_plan, of_pass

    @cached_property
    def _residuals(self) -> tuple[NDArray[np.float64], int]:
        """(N,) of all runs, and their degrees of freedom."""
        of_plan, of_pass = self._polished
        residuals = self._logs - of_plan - of_pass[:, None]
        ran = np.isfinite(residuals)
        effects = int(ran.any(axis=0).sum() + ran.any(axis=1).sum()) - 1
        return residuals[ran], max(int(ran.sum()) - effects, 0) if ran.any() else 0


def _centre(values: NDArray[np.float64], deviation: float) -> float:
    """The mean of those that are finite, none counted as lying far out; nan of none."""
    there = values[np.isfinite(values)]
    if not len(there):
        return float("nan")
    found, limit = float(np.median(there)), _HUBER * deviation
    for _ in range(_POLISHES):
        found += float(np.clip(there - found, -limit, limit).mean())
    return found
