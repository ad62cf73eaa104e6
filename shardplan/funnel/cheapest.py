"""The cheapest replicas with which a funnel is fast enough."""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TYPE_CHECKING

from shardplan.funnel.funnel_latency import FunnelLatency
from shardplan.funnel.served_funnel import ServedFunnel, priced

if TYPE_CHECKING:
    from shardplan.funnel.demand import Demand
    from shardplan.funnel.funnel import Funnel

_MOST_TRIED = 5000


@dataclass(frozen=True, slots=True)
class Cheapest:
    """What was found, and what is proven."""

    served: ServedFunnel | None
    """None where nothing was found."""
    least_cost: float
    """No number of replicas is cheaper and fast enough; infinite where none is."""


def cheapest(
    funnel: Funnel, demand: Demand, cost_below: float = float("inf"), most_tried: int = _MOST_TRIED
) -> Cheapest:
    """Numbers of replicas in the order of their cost, from the least that each stage needs alone;
    so the first that is fast enough is the cheapest.

    None from ``cost_below`` on is looked for. Where ``most_tried`` is not enough, the cost that was
    come to is the bound.
    """
    latency = FunnelLatency(funnel, demand)
    corner = least_replicas(latency)
    if corner is None:
        return Cheapest(None, float("inf"))
    queue = [(priced(funnel, corner), corner)]
    seen = {corner}
    for _ in range(most_tried):
        if not queue or queue[0][0] >= cost_below:
            break
        cost, replicas = heappop(queue)
        seconds = latency.seconds(replicas)
        if seconds <= demand.within_seconds:
            return Cheapest(ServedFunnel(funnel, replicas, seconds), cost)
        for number, stage in enumerate(funnel.stages):
            more = (*replicas[:number], replicas[number] + 1, *replicas[number + 1 :])
            if more[number] <= stage.most_replicas and more not in seen:
                seen.add(more)
                heappush(queue, (priced(funnel, more), more))
    return Cheapest(None, queue[0][0] if queue else float("inf"))


def least_replicas(latency: FunnelLatency) -> tuple[int, ...] | None:
    """Of each stage the fewest with which it keeps up and might be fast enough; None where there
    are too few of any."""
    found = []
    for number, stage in enumerate(latency.funnel.stages):
        counts = range(1, stage.most_replicas + 1)
        count = next((each for each in counts if latency.may_do(number, each)), None)
        if count is None:
            return None
        found.append(count)
    return tuple(found)
