"""Percentiles of a run, and how sure they are."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.simulation.events import Run

_WARM_UP = 0.05
"""Share of the queries, the first to come, that find queues emptier than later ones do."""
_BATCHES = 20
_STUDENT = 2.093
"""Of 19 degrees of freedom: 95% lie within so many standard errors."""


@dataclass(frozen=True, slots=True)
class Percentile:
    """Within how long a share of the queries is answered."""

    share: float
    seconds: float
    half_width_seconds: float
    """Of the interval that holds the truth in 95% of all runs, by batch means: queries one after
    the other are put into 20 batches, whose percentiles are taken as independent."""


def steady_latency(run: Run) -> NDArray[np.float64]:
    """Of all queries but those of the warm-up, in the order of arrival."""
    latency = run.latency_seconds
    return latency[int(len(latency) * _WARM_UP) :]


def percentile(latency: NDArray[np.float64], share: float) -> Percentile:
    """Of latencies in the order of arrival; infinitely unsure where there are too few for
    batches."""
    seconds = float(np.quantile(latency, share))
    # A batch has to hold some queries beyond the percentile.
    if len(latency) * (1 - share) < _BATCHES:
        return Percentile(share, seconds, float("inf"))
    of_batch = [float(np.quantile(each, share)) for each in np.array_split(latency, _BATCHES)]
    error = float(np.std(of_batch, ddof=1)) / sqrt(_BATCHES)
    return Percentile(share, seconds, _STUDENT * error)
