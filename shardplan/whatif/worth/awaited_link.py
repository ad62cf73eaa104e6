"""The link that a phase waits for: of all links the one of which more is worth having."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.cost.exchange import Exchange
    from shardplan.plan.ledger import Ledger
    from shardplan.topology.level import Link


def awaited_link(case: Case, ledger: Ledger, position: int, rank: int) -> Link | None:
    """Of the collective on which a device spends most of a phase; None where it sends nothing.

    ``position`` is the phase's among those of the cost model.
    """
    phase = case.cost_model.phases[position]
    spent: Counter[Exchange] = Counter()
    on_device = ledger.seconds_on(rank)[:, position]
    for decision, seconds in zip(ledger.decisions, on_device, strict=True):
        pooled = case.workload.tables[decision.table].collection.is_pooled
        if exchange := phase.exchange_of(decision.sharding, pooled):
            spent[exchange] += seconds
    if not spent:
        return None
    longest = max(spent, key=spent.__getitem__)
    return case.topology.bottleneck(longest.collective, longest.scope, longest.level)
