"""Runs of several plans in turn: what each takes, and how surely one is faster than another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import pi, sqrt
from typing import TYPE_CHECKING

import numpy as np

from shardplan.tune.race.student_t import t_quantile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.tune.tune_params import RaceParams

_POLISHES = 20
_MAD_TO_SIGMA = 1.4826
"""Of a normal distribution: standard deviation over median absolute deviation."""
_MAD_EFFICIENCY = 0.37
"""Of the latter as an estimate of the former (Huber, Robust Statistics, 1981): so many degrees of
freedom are left of one."""


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
        return np.exp(self._polished[0])

    @cached_property
    def noise(self) -> float:
        """Relative, of one run: a standard deviation that outliers do not move."""
        residuals, freedom = self._residuals
        params, found = self.params, 0.0
        if freedom > 0:
            spread = float(np.median(np.abs(residuals))) * _MAD_TO_SIGMA
            found = spread * sqrt(len(residuals) / freedom)
        weights = np.array([_MAD_EFFICIENCY * freedom, params.prior_runs])
        mean = float(weights @ np.array([found**2, params.prior_noise**2])) / weights.sum()
        return sqrt(mean)

    def runs(self, plan: int) -> int:
        """How often a plan ran."""
        return int(np.isfinite(self.seconds[:, plan]).sum())

    def ratio(self, plan: int, other: int) -> float:
        """What a plan takes over what the other takes: the median over the passes that had both.

        nan where there was none.
        """
        logs = self._logs[:, plan] - self._logs[:, other]
        there = logs[np.isfinite(logs)]
        return float(np.exp(np.median(there))) if len(there) else float("nan")

    def least_ratio(self, plan: int, other: int, rivals: int) -> float:
        """Below which the ratio lies with no more than the chance of an error, 0 if unknown.

        It holds for all passes and ``rivals`` at once: of the error, a rival's n-th pass has
        ``1 / (n (n + 1) rivals)``, which add up to all of it. The median of n differences has pi/2
        of the variance of their mean, at most.
        """
        logs = self._logs[:, plan] - self._logs[:, other]
        count = int(np.isfinite(logs).sum())
        if not count:
            return 0.0
        tail = self.params.error / (count * (count + 1) * max(rivals, 1))
        freedom = self.params.prior_runs + _MAD_EFFICIENCY * self._residuals[1]
        error = sqrt(pi / 2 * 2 / count) * self.noise
        return float(np.exp(np.nanmedian(logs) - t_quantile(tail, freedom) * error))

    @property
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
            of_pass[used] = np.nanmedian(logs[used] - of_plan, axis=1)
            of_pass[used] -= np.median(of_pass[used])
        return of_plan, of_pass

    @cached_property
    def _residuals(self) -> tuple[NDArray[np.float64], int]:
        """(N,) of all runs, and their degrees of freedom."""
        of_plan, of_pass = self._polished
        residuals = self._logs - of_plan - of_pass[:, None]
        ran = np.isfinite(residuals)
        effects = int(ran.any(axis=0).sum() + ran.any(axis=1).sum()) - 1
        return residuals[ran], max(int(ran.sum()) - effects, 0) if ran.any() else 0
