"""The fewest replicas with which all limits of latency are kept."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from shardplan.latency.headroom import is_kept
from shardplan.latency.query_latency import Claim, claim_of, query_latency
from shardplan.latency.rounding import Rounding

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.workload.serving.batch_seconds import BatchSeconds
    from shardplan.workload.serving.serving import Serving


@dataclass(frozen=True, slots=True)
class LeastReplicas:
    """Without spare ones."""

    count: int
    at_least: int
    """Fewer are too few for the work, or surely break a limit, for service of such seconds: by a
    lower bound of an exact formula, or else by work alone."""


def least_replicas(
    serving: Serving, service: BatchSeconds, queries_per_second: float, fewest: int
) -> LeastReplicas | None:
    """From ``fewest`` on, which the work takes, those with which limits are kept at that load.

    Latency falls with every replica more, so that longer and longer steps and then halving find
    them. None where there is no formula, or more than there may be are needed.
    """
    claim = claim_of(serving)
    if claim is None:
        return None
    most = serving.replicas.most - serving.replicas.spare

    @cache
    def keeps(count: int, rounding: Rounding) -> bool:
        latency = query_latency(serving, service, count, queries_per_second, rounding)
        assert latency is not None, "there is a formula"
        return is_kept(serving, latency)

    count = _first(fewest, most, lambda each: keeps(each, Rounding.NEAREST))
    if count is None:
        return None
    at_least = fewest
    if claim is Claim.EXACT:
        at_least = _first(fewest, count, lambda each: keeps(each, Rounding.DOWN)) or count
    return LeastReplicas(count, at_least)


def _first(low: int, most: int, keeps: Callable[[int], bool]) -> int | None:
    """The least of a range that keeps, if all above it do; None where none does."""
    if low > most:
        return None
    high, step = low, 1
    while not keeps(high):
        if high == most:
            return None
        low, high, step = high + 1, min(high + step, most), 2 * step
    while low < high:
        middle = (low + high) // 2
        if keeps(middle):
            high = middle
        else:
            low = middle + 1
    return high
