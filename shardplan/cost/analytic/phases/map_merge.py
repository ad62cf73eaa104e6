"""Maps of ids that several groups of devices learn, made one at a sync."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shardplan.topology.collective import Collective, Scope

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.profile.curves import Line
    from shardplan.topology.topology import Topology

_GATHERS = 2
"""Of a table: of its ids, and of when they expire."""
_SUMS = 3
"""The same two sent back, and a count for each row."""
_COUNT_BYTES = 4
"""How many replicas have a row is an int32."""


@dataclass(frozen=True, slots=True)
class MapMerge:
    """What TorchRec 1.8's ``DMPCollection.sync`` does table by table for maps found by hash
    (``HashZchManagedCollisionModule.sync_identities`` and ``sync_hash_zch_weights``).

    The map's rows of all replicas are gathered on one of them, merged, and sent back; a count for
    each row is summed, by which the sums of the weights are divided. One device gathers as long as
    all of an all-gather do, and what it sends back takes an all-reduce's time at most, as which it
    counts.
    """

    tables: int
    """With a map."""
    gather: Line
    """By the bytes of all replicas."""
    all_reduce: Line
    replicas: int

    @classmethod
    def of(cls, setting: Setting, of_shard: Topology) -> Self:
        """Of the maps of a setting's tables, among the devices that hold the same shards."""
        tables, devices = setting.tables, setting.topology.world_size
        each_bytes = float((tables.rows * tables.map_row_bytes).sum()) / devices
        collectives, replicas = setting.collectives_of(of_shard), of_shard.world_size
        return cls(
            int((tables.map_row_bytes > 0).sum()),
            collectives.line(Collective.ALL_GATHER, Scope.ALL, each_bytes * replicas),
            collectives.line(Collective.ALL_REDUCE, Scope.ALL, each_bytes),
            replicas,
        )

    @property
    def constant_seconds(self) -> float:
        """Of each sync: the start-ups, which are each table's own."""
        starts = _GATHERS * self.gather.constant_seconds + _SUMS * self.all_reduce.constant_seconds
        return self.tables * starts

    def seconds(
        self, rows: NDArray[np.int64], map_row_bytes: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """(O,): of each sync, for so many rows on a device with so many bytes of a map each; 0
        where there is no map."""
        gathered = self.replicas * self.gather.seconds_per_byte * map_row_bytes
        counted = map_row_bytes + _COUNT_BYTES * (map_row_bytes > 0)
        found: NDArray[np.float64] = rows * (gathered + self.all_reduce.seconds_per_byte * counted)
        return found
