"""How likely each row is to be read, from how often a sample of the accesses read it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload.row_distribution import RowDistribution

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.profile.frequencies import Frequencies

_SURE = 200
"""Reads of an id from which on its share is taken as it was seen: it is off by 7% or less."""
_HIGHEST_RATE = 260.0
_LOWEST_RATE = 1e-3
_RATES = 140
_ROUNDS = 2_000
_KEPT = 1e-7
"""Of a row: classes of the mixture that are smaller than this are left out."""


def population_of(frequencies: Frequencies, rows: int) -> RowDistribution:
    """The distribution over ``rows`` rows under which such frequencies are most likely.

    A row that was read once in a sample was mostly lucky: raw shares make a sample's rows certain
    and a batch's distinct rows too few. So the ids with few reads are taken as a mixture of Poisson
    counts, whose weights over a grid of rates are found by expectation-maximisation (N. Laird,
    "Nonparametric maximum likelihood estimation of a mixing distribution", JASA 73, 1978). Rows
    that were never read are counts of 0, which is why the number of rows must be known. Ids with
    many reads are classes of their own.

    Raises ValueError where fewer rows than ids are given, or nothing was read.
    """
    if not frequencies.accesses:
        raise ValueError("nothing was read")
    if rows < frequencies.rows_touched:
        raise ValueError(f"{frequencies.rows_touched:,} ids are more than {rows:,} rows")
    reads, ids = frequencies.reads, frequencies.ids
    is_sure = reads > _SURE
    counts, shares = ids[is_sure].astype(np.float64), (ids * reads)[is_sure].astype(np.float64)
    unseen = rows - frequencies.rows_touched
    few_reads, few_ids = reads[~is_sure], ids[~is_sure]
    if len(few_reads):
        rates, weights = _mixture(few_reads, few_ids, unseen)
        read = weights * rates
        read *= np.dot(few_reads, few_ids) / read.sum()
        counts, shares = np.concatenate([counts, weights]), np.concatenate([shares, read])
    elif unseen:
        counts, shares = np.append(counts, unseen), np.append(shares, 0.0)
    return RowDistribution.of(counts, shares / shares.sum())


def _mixture(
    reads: NDArray[np.int64], ids: NDArray[np.int64], unseen: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(J,): expected reads of a row, and how many rows have them: of the ids and the unseen rows.

    Expectation-maximisation is slow to leave rates that are only a little unlikely. So it begins
    twice, with rows at all rates alike, and with the unseen ones at the lowest rate, which is so
    low that all of them together were hardly read; the likelier of the two ends counts.
    """
    rows = float(ids.sum() + unseen)
    once = float(ids[reads == 1].sum())
    lowest = min(_LOWEST_RATE, 0.01 * max(once, 1.0) / rows)
    rates = np.geomspace(lowest, _HIGHEST_RATE, _RATES)
    chance, none = _poisson(reads, rates), np.exp(-rates)
    low = np.full(_RATES, ids.sum() / _RATES)
    low[0] += unseen
    ends = [
        _maximised(start, ids, unseen, chance, none)
        for start in (np.full(_RATES, rows / _RATES), low)
    ]
    _, weights = max(ends, key=lambda end: end[0])
    kept = weights > _KEPT
    weights = weights[kept]
    return rates[kept], weights * (rows / weights.sum())


def _maximised(
    weights: NDArray[np.float64],
    ids: NDArray[np.int64],
    unseen: int,
    chance: NDArray[np.float64],
    none: NDArray[np.float64],
) -> tuple[float, NDArray[np.float64]]:
    """The logarithm of a likelihood, and the weights (J,) that have it."""
    for _ in range(_ROUNDS):
        drawn = chance.T @ (ids / (chance @ weights))
        weights = weights * (drawn + none * (unseen / np.dot(none, weights)))
    share = weights / weights.sum()
    told = np.dot(ids, np.log(chance @ share)) + unseen * np.log(np.dot(none, share))
    return float(told), weights


def _poisson(reads: NDArray[np.int64], rates: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C, J): the chance of so many reads at each rate."""
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, _SURE + 1)))])
    logs = reads[:, None] * np.log(rates) - rates - log_factorial[reads][:, None]
    found: NDArray[np.float64] = np.maximum(np.exp(logs), 1e-300)
    return found
