"""What moves between the tiers of memory, by device and by table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.explain.numbers.explanation import TierTraffic
from shardplan.plan.file.rounding import rounded, whole_bytes

if TYPE_CHECKING:
    from shardplan.plan.ledger import Ledger


def traffic_of_ranks(ledger: Ledger) -> list[TierTraffic | None]:
    """Of each device, in order of rank."""
    if ledger.rank_traffic is None:
        return [None] * ledger.world.size
    return [_summed(row) for row in ledger.rank_traffic.tolist()]


def traffic_of_tables(ledger: Ledger) -> list[TierTraffic | None]:
    """Of each table over all devices, in the spec's order."""
    if ledger.total_traffic is None:
        return [None] * len(ledger.decisions)
    return [_summed(row) for row in ledger.total_traffic.tolist()]


def _summed(sums: list[float]) -> TierTraffic:
    accesses, in_hbm, in_memory, host_bytes, ssd_bytes = sums
    return TierTraffic(
        hit_rate=rounded(in_hbm / accesses) if accesses else 1.0,
        ddr_hit_rate=rounded(in_memory / accesses) if accesses else 1.0,
        host_bytes=whole_bytes(host_bytes),
        ssd_bytes=whole_bytes(ssd_bytes),
    )
