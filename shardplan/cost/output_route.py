"""How outputs get to the devices of their samples, and their gradients back."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING

from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from shardplan.sharding.kind import ShardingType


class OutputRoute(Enum):
    """What a sharding type has travel; each cost model has seconds and an exchange for each."""

    STAYS = auto()
    """Nothing: every device looks up for its own samples."""
    WHOLE_ROWS = auto()
    """From the device that has whole rows to all, in an all-to-all."""
    ROWS_OF_ALL = auto()
    """Sums of parts of the rows, reduced over all devices."""
    ROWS_OF_NODE = auto()
    """The same inside the node, and then to the peers of the other nodes."""

    @classmethod
    def of(cls, kind: ShardingType, is_pooled: bool = True) -> OutputRoute:
        """By traits: a type that travels like no other has its line here.

        Where nothing is pooled an output is one row, whole wherever it lies. Sums of rows that lie
        beside hot ones go to those samples alone that have any of them.
        """
        if kind.is_replicated:
            return cls.STAYS
        if not is_pooled or kind.keeps_hot_rows:
            return cls.WHOLE_ROWS
        by_rows = {
            Extent.DEVICE: cls.WHOLE_ROWS,
            Extent.NODE: cls.ROWS_OF_NODE,
            Extent.WORLD: cls.ROWS_OF_ALL,
        }
        return by_rows[kind.rows]
