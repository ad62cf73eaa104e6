"""Seconds of lookups on one device, by what it reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.analytic.lookup import LookupSums, host_rates
from shardplan.sharding.kernel import MemoryTier
from shardplan.workload.serving.stored_format import RowLayout

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.profile.profile import LookupRates
    from shardplan.serving.served_case import ServedCase
    from shardplan.workload.serving.stored_format import StoredFormat


@dataclass(frozen=True, eq=False, slots=True)
class Rates:
    """What shards cost: the linear form of the training lookup, its row bytes those of the stored
    format in whole sectors.

    Each id reads its row from memory: what an on-chip cache would save is not counted, nor what it
    takes to de-quantise rows.
    """

    launch_seconds: float
    of_tier: dict[MemoryTier, LookupRates]
    layout: RowLayout
    cache_seconds_per_id: float | None
    """To look an id up in a cache in HBM; None where nothing is known of caches, or no DDR."""
    seconds_per_missed_byte: float
    """Of rows that a cache fetches from DDR."""

    @classmethod
    def of(cls, case: ServedCase) -> Rates:
        """Of the devices of a case; all devices of a node read its DDR at once."""
        costs, topology = case.profile.lookup_forward, case.machine.topology
        rates = {MemoryTier.HBM: costs.hbm}
        if topology.ddr is not None:
            devices = topology.devices_per_node
            read = topology.read_share_bytes_per_second(topology.ddr, devices)
            write = topology.write_share_bytes_per_second(topology.ddr, devices)
            rates[MemoryTier.DDR] = host_rates(costs, read, write)
        caches = case.profile.cache if topology.ddr is not None else None
        return cls(
            costs.launch_seconds,
            rates,
            RowLayout.of(case.kind),
            caches.per_id if caches else None,
            1 / (caches.path * read) if caches else 0.0,
        )

    def per_shard(self, tier: MemoryTier) -> float:
        """Seconds of a batch, however few ids it has."""
        return self.of_tier[tier].per_table

    @property
    def per_remapped_id(self) -> float:
        """Seconds to find where the row of an id lies, or that it was left out: one sector."""
        return self.layout.sector_bytes * self.of_tier[MemoryTier.HBM].per_read_byte

    def per_missed_id(self, form: StoredFormat, columns: int) -> float:
        """Seconds to fetch the row of one id that a cache lacks."""
        return form.row_bytes(columns, self.layout) * self.seconds_per_missed_byte

    def per_unit(
        self, tier: MemoryTier, form: StoredFormat, columns: int, ids: float, output_bytes: float
    ) -> float:
        """Seconds of one query or candidate with so many ``ids``."""
        read = ids * form.read_bytes(columns, self.layout)
        one = LookupSums(
            tables=np.zeros(1, dtype=np.int64),
            ids=np.array([ids]),
            read_bytes=np.array([read]),
            cached_bytes=np.zeros(1),
            fetches=np.array([ids]),
            unique_rows=np.array([ids]),
            unique_bytes=np.array([read]),
            output_bytes=np.array([output_bytes]),
            gathered_bytes=np.zeros(1),
        )
        seconds: NDArray[np.float64] = one.seconds(self.of_tier[tier])
        return float(seconds[0])
