"""The fewest replicas with which all limits of latency are kept."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

from shardplan.latency.headroom import at_load, is_kept
from shardplan.latency.query_latency import Claim, query_latency, why_unpredicted
from shardplan.latency.rounding import Rounding

if TYPE_CHECKING:
    from collections.abc import Callable

    from shardplan.workload.serving.batch_seconds import BatchSeconds
    from shardplan.workload.serving.serving import Serving

_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class LeastReplicas:
    """Without spare ones."""

    count: int
    at_least: int
    """Fewer surely break a limit, or are busier than they may be, for service of such seconds: by a
    lower bound of an exact formula, or else by work alone."""


def least_replicas(
    serving: Serving, service: BatchSeconds, queries_per_second: float
) -> LeastReplicas | None:
    """With which workers are no busier than they may be and limits are kept, at that load.

    Latency falls with every replica more, so that halving finds them. None where there is no
    formula, or more than there may be are needed.
    """
    if why_unpredicted(serving):
        return None
    limits = serving.replicas
    busy = at_load(serving, service, 1, queries_per_second).utilisation
    by_work = max(1, ceil(busy / limits.busy_at_most * (1 - _ROUNDING)))
    most = limits.most - limits.spare

    def keeps(count: int, rounding: Rounding) -> bool:
        latency = query_latency(serving, service, count, queries_per_second, rounding)
        assert latency is not None, "there is a formula"
        return is_kept(serving, latency)

    if most < by_work or not keeps(most, Rounding.NEAREST):
        return None
    count = _first(by_work, most, lambda each: keeps(each, Rounding.NEAREST))
    at_least = by_work
    if at_load(serving, service, count, queries_per_second).claim is Claim.EXACT:
        at_least = _first(by_work, count, lambda each: keeps(each, Rounding.DOWN))
    return LeastReplicas(count, at_least)


def _first(low: int, high: int, keeps: Callable[[int], bool]) -> int:
    """The least of a range that keeps, if all above it do."""
    while low < high:
        middle = (low + high) // 2
        if keeps(middle):
            high = middle
        else:
            low = middle + 1
    return high
