"""Funnels of which none is better in everything."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from shardplan.funnel.cheapest import cheapest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shardplan.funnel.demand import Demand
    from shardplan.funnel.funnel import Funnel
    from shardplan.funnel.served_funnel import ServedFunnel


def front(
    funnels: Iterable[Funnel], demand: Demand, limits_seconds: Sequence[float]
) -> tuple[ServedFunnel, ...]:
    """The cheapest replicas of each funnel within each limit, those left out that another beats
    in quality, latency and cost.

    ``demand.within_seconds`` counts for nothing. The best come first, and of a funnel no more is
    tried within a limit than what a better and faster one costs.
    """
    best: list[ServedFunnel] = []
    for limit in sorted(limits_seconds):
        asked = replace(demand, within_seconds=limit)
        for funnel in sorted(funnels, key=lambda each: -each.quality):
            rivals = [each.cost for each in best if each.funnel.quality >= funnel.quality]
            found = cheapest(funnel, asked, min(rivals, default=float("inf"))).served
            if found is not None:
                best.append(found)
    return tuple(each for each in best if not any(other.dominates(each) for other in best))
