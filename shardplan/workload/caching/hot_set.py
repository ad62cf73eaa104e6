"""A cache that holds the hottest rows and never changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.caching.miss_curve import MissCurve

if TYPE_CHECKING:
    from shardplan.workload.row_distribution import RowDistribution


def hot_set_curve(distribution: RowDistribution, draws: float) -> MissCurve:
    """The misses of a fixed set of the hottest rows over batches of ``draws`` accesses.

    Each further row spares its chance to be touched, ``1 - (1 - p) ** draws``, and its share of the
    accesses. Both fall from row to row, so that misses are convex and hits concave; no cache of as
    many rows misses less of independent accesses.
    """
    accesses = np.cumsum(distribution.counts * distribution.probabilities)
    touched = np.cumsum(distribution.counts * distribution.touched(draws))
    return MissCurve(
        cached_rows=np.concatenate([[0.0], np.cumsum(distribution.counts)]),
        missed_rows=touched[-1] - np.concatenate([[0.0], touched]),
        hit_rates=np.concatenate([[0.0], accesses / accesses[-1]]),
    )
