"""What moves between the tiers of memory, by device and by table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.explain.numbers.explanation import TierTraffic
from shardplan.plan.file.rounding import rounded, whole_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.cost_model import Traffic
    from shardplan.plan.ledger import Ledger


def traffic_of_ranks(ledger: Ledger) -> list[TierTraffic | None]:
    """Of each device, in order of rank."""
    if ledger.traffic is None:
        return [None] * ledger.world.size
    return [_summed(row) for row in ledger.by_rank(_of_units(ledger.traffic)).tolist()]


def traffic_of_tables(ledger: Ledger) -> list[TierTraffic | None]:
    """Of each table over all devices, in the spec's order."""
    if ledger.traffic is None:
        return [None] * len(ledger.decisions)
    total = _of_units(ledger.traffic) * ledger.total_units[:, None]
    return [_summed(row) for row in total.tolist()]


def _of_units(found: Traffic) -> NDArray[np.float64]:
    """(T, 5): accesses, those that hit HBM, those that hit HBM or DDR, and bytes moved."""
    return np.column_stack(
        [
            found.accesses,
            found.accesses * found.hit_rates,
            found.accesses * found.ddr_hit_rates,
            found.host_bytes,
            found.ssd_bytes,
        ]
    )


def _summed(sums: list[float]) -> TierTraffic:
    accesses, in_hbm, in_memory, host_bytes, ssd_bytes = sums
    return TierTraffic(
        hit_rate=rounded(in_hbm / accesses) if accesses else 1.0,
        ddr_hit_rate=rounded(in_memory / accesses) if accesses else 1.0,
        host_bytes=whole_bytes(host_bytes),
        ssd_bytes=whole_bytes(ssd_bytes),
    )
