"""The unknowns given what was measured: where they most likely are, and how surely.

Each log of a measured step, and of a measured phase, is normal around what the corrected model
predicts; each unknown is normal around 0, where the calibrated model is right. The most likely
values are found by Gauss and Newton's method, and what the data leave open by the curvature there
(Laplace's approximation). That is ridge regression in log space, repeated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.tune.correct.anatomy import Anatomy
from shardplan.tune.correct.corrected_prediction import CorrectedPrediction
from shardplan.tune.correct.unknowns import Unknowns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.tune.correct.observation import Observation
    from shardplan.tune.tune_params import Priors

_STEPS = 60
_HALVINGS = 12
_ENOUGH = 1e-7
"""Of the loss: a smaller gain ends the search."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Of N unknowns."""

    unknowns: Unknowns
    values: NDArray[np.float64]
    """(N,): the most likely ones."""
    covariance: NDArray[np.float64]
    """(N, N)."""

    @classmethod
    def of(cls, case: Case, observations: Sequence[Observation], priors: Priors) -> Self:
        """Correct the model of a case; there is at least one observation."""
        anatomies = [Anatomy.of(case, each.decisions) for each in observations]
        median = float(np.median([each.step_seconds for each in observations]))
        unknowns = Unknowns.of(anatomies, median, priors)
        fit = _Fit(unknowns, anatomies, observations, priors)
        values = fit.most_likely()
        return cls(unknowns, values, fit.covariance(values))

    def draw(self, generator: np.random.Generator, width: float = 1.0) -> NDArray[np.float64]:
        """(N,): values as likely as the data leave them, or ``width`` times as far out.

        What is added stays positive.
        """
        root = np.linalg.cholesky(self.covariance)
        drawn = self.values + width * root @ generator.standard_normal(len(self.values))
        return np.where(self.unknowns.is_positive, np.maximum(drawn, 0.0), drawn)


@dataclass(frozen=True, eq=False)
class _Fit:
    unknowns: Unknowns
    anatomies: Sequence[Anatomy]
    observations: Sequence[Observation]
    priors: Priors

    def most_likely(self) -> NDArray[np.float64]:
        """Damped steps of Gauss and Newton, each within what may not be negative."""
        values = np.zeros(len(self.unknowns.deviation))
        loss = self._loss(values)
        for _ in range(_STEPS):
            gradient, curvature = self._quadratic(values)
            step = self._step(values, gradient, curvature)
            for _ in range(_HALVINGS):
                there = self._allowed(values + step)
                found = self._loss(there)
                if found < loss:
                    break
                step = step / 2
            else:
                return values
            gain, values, loss = loss - found, there, found
            if gain < _ENOUGH * max(loss, 1.0):
                return values
        return values

    def covariance(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, N): the inverse of the curvature."""
        _, curvature = self._quadratic(values)
        inverse = np.linalg.inv(curvature)
        found: NDArray[np.float64] = (inverse + inverse.T) / 2
        return found

    def _step(
        self,
        values: NDArray[np.float64],
        gradient: NDArray[np.float64],
        curvature: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """To the quadratic's least point, without what stands at 0 and would become negative."""
        held = self.unknowns.is_positive & (values <= 0) & (gradient > 0)
        free = ~held
        step = np.zeros_like(values)
        step[free] = -np.linalg.solve(curvature[np.ix_(free, free)], gradient[free])
        return step

    def _allowed(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(self.unknowns.is_positive, np.maximum(values, 0.0), values)

    def _loss(self, values: NDArray[np.float64]) -> float:
        residuals, _ = self._residuals(values)
        prior = values / self.unknowns.deviation
        return 0.5 * float(residuals @ residuals + prior @ prior)

    def _quadratic(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        residuals, slopes = self._residuals(values)
        precision = self.unknowns.deviation**-2
        gradient = slopes.T @ residuals + precision * values
        return gradient, slopes.T @ slopes + np.diag(precision)

    def _residuals(
        self, values: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """(M,) in standard deviations, and (M, N) their slopes."""
        residuals, slopes = [], []
        for anatomy, seen in zip(self.anatomies, self.observations, strict=True):
            found = CorrectedPrediction.of(anatomy, self.unknowns, values)
            noise = seen.noise / np.sqrt(seen.runs)
            deviation = float(np.hypot(self.priors.misfit, noise))
            residuals.append(np.log(found.step_seconds / seen.step_seconds) / deviation)
            slopes.append(found.step_slopes / found.step_seconds / deviation)
            for name, predicted, slope in found.by_phase(self.unknowns):
                measured = seen.phase_seconds.get(name, 0.0)
                if predicted <= 0 or measured <= 0:
                    continue
                unsure = self.priors.least_share * seen.step_seconds / measured
                deviation = float(np.sqrt(self.priors.phase_misfit**2 + unsure**2 + noise**2))
                residuals.append(np.log(predicted / measured) / deviation)
                slopes.append(slope / predicted / deviation)
        return np.array(residuals), np.array(slopes)
