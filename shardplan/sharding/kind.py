"""The sharding types, by TorchRec's names: a row of traits is all that the planner knows of one.

One more whose traffic is like another's is one more row, and may be added from anywhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, ClassVar

from shardplan.registry import Named, Registry
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from shardplan.sharding.world import World


class Columns(Enum):
    """How the columns of a table are cut."""

    WHOLE = auto()
    """Not at all."""
    UNITS = auto()
    """Into shards that are placed each for itself."""
    DEALT = auto()
    """Into shards that are dealt evenly to the devices on which the table's only unit lands."""


@dataclass(frozen=True, eq=False, repr=False)
class ShardingType(Named):
    """How a table is cut; the strings are TorchRec's, of types that it has.

    A *unit* is what is placed as a whole. Raises ValueError for traits that contradict each other.
    """

    name: str
    lands: Extent
    """On what one unit lands, and all devices of it alike."""
    rows: Extent = Extent.DEVICE
    """Over what the rows of a unit are cut."""
    columns: Columns = Columns.WHOLE
    is_replicated: bool = False
    """Each device holds the whole table, and there are no shards."""
    keeps_hot_rows: bool = False
    """Besides its part of the rows, each device holds the hottest ones, alike on all of them."""

    DATA_PARALLEL: ClassVar[ShardingType]
    TABLE_WISE: ClassVar[ShardingType]
    COLUMN_WISE: ClassVar[ShardingType]
    ROW_WISE: ClassVar[ShardingType]
    TABLE_ROW_WISE: ClassVar[ShardingType]
    TABLE_COLUMN_WISE: ClassVar[ShardingType]
    GRID_SHARD: ClassVar[ShardingType]
    HOT_ROW_WISE: ClassVar[ShardingType]
    HOT_TABLE_WISE: ClassVar[ShardingType]
    HOT_COLUMN_WISE: ClassVar[ShardingType]
    HOT_TABLE_ROW_WISE: ClassVar[ShardingType]

    def __post_init__(self) -> None:
        ways = (self.cuts_rows, self.columns is Columns.DEALT, self.is_replicated)
        everywhere = self.lands is Extent.WORLD
        for is_so, fault in (
            (
                sum(ways) != (self.lands is not Extent.DEVICE),
                "a unit on many devices is either cut over them, by rows or by columns, or "
                "replicated; one on a single device is neither",
            ),
            (
                self.rows not in (Extent.DEVICE, self.lands),
                "rows are cut over all that it lands on",
            ),
            (self.has_many_units and everywhere, "what lands everywhere is a single unit"),
            (self.is_replicated and not everywhere, "what is replicated lands everywhere"),
            (
                self.keeps_hot_rows and self.is_replicated,
                "rows beside the hottest are sharded",
            ),
        ):
            if is_so:
                raise ValueError(f"{self.name}: {fault}")

    @classmethod
    def registry(cls) -> Registry[ShardingType]:
        """All types."""
        return SHARDING_TYPES

    @property
    def cuts_rows(self) -> bool:
        """Whether shards have a part of the rows."""
        return self.rows is not Extent.DEVICE

    @property
    def deals_rows_to_all(self) -> bool:
        """Whether each device has a part of the rows."""
        return self.rows is Extent.WORLD

    @property
    def cuts_columns(self) -> bool:
        """Whether shards have a part of the columns."""
        return self.columns is not Columns.WHOLE

    @property
    def takes_own_batches(self) -> bool:
        """Whether features of its tables may have batches of their own size under TorchRec, which
        neither replicates such tables nor cuts them by rows and columns at once."""
        replicates = self.is_replicated or self.keeps_hot_rows
        return not (replicates or (self.cuts_rows and self.cuts_columns))

    @property
    def is_torchrecs(self) -> bool:
        """Whether TorchRec has it: no runtime of its keeps rows both replicated and sharded."""
        return not self.keeps_hot_rows

    @property
    def with_hot_rows(self) -> ShardingType:
        """A type that shards as this one does, and keeps the hottest rows on every device besides;
        named after it. Not registered."""
        return replace(self, name=f"hot_{self.name}", keeps_hot_rows=True)

    @property
    def held_by(self) -> Extent:
        """What holds any of its rows: where a unit lands, or all devices."""
        return Extent.WORLD if self.keeps_hot_rows else self.lands

    @property
    def keeps_copies_elsewhere(self) -> bool:
        """Whether devices on which no unit lands hold hot rows too."""
        return self.held_by is not self.lands

    @property
    def has_many_units(self) -> bool:
        """Whether each column shard is a unit of its own."""
        return self.columns is Columns.UNITS

    @property
    def uncut(self) -> ShardingType | None:
        """The type that lays a table out as this one does with a single column shard, which of
        shards that are dealt lies on one device; None where columns are not cut."""
        if not self.cuts_columns:
            return None
        lands = self.lands if self.has_many_units else Extent.DEVICE
        return self._whole(lands, self.rows)

    @property
    def on_one_node(self) -> ShardingType | None:
        """The type that lays a table out over all devices as this one does over those of a node,
        where there is a single node; None where it cuts columns, or no rows."""
        if self.cuts_columns or self.rows is not Extent.NODE:
            return None
        return self._whole(Extent.WORLD, Extent.WORLD)

    def _whole(self, lands: Extent, rows: Extent) -> ShardingType | None:
        """The type of such extents that cuts no columns and keeps copies as this one does."""
        whole = (lands, rows, self.is_replicated, self.keeps_hot_rows)
        for each in SHARDING_TYPES:
            traits = (each.lands, each.rows, each.is_replicated, each.keeps_hot_rows)
            if traits == whole and not each.cuts_columns:
                return each
        return None

    def dealt_over(self, world: World) -> int:
        """To how many devices the column shards of a unit are dealt; 0 where they are not."""
        return world.devices_of(self.lands) if self.columns is Columns.DEALT else 0

    def units(self, column_shards: int) -> int:
        """How many units a table has."""
        return column_shards if self.has_many_units else 1


SHARDING_TYPES: Registry[ShardingType] = Registry()
"""The types, those that were added last included; arrays of options hold codes of it."""


_add = SHARDING_TYPES.add
_DEVICE, _NODE, _WORLD = Extent.DEVICE, Extent.NODE, Extent.WORLD

ShardingType.DATA_PARALLEL = _add(ShardingType("data_parallel", lands=_WORLD, is_replicated=True))
ShardingType.TABLE_WISE = _add(ShardingType("table_wise", lands=_DEVICE))
ShardingType.COLUMN_WISE = _add(ShardingType("column_wise", lands=_DEVICE, columns=Columns.UNITS))
ShardingType.ROW_WISE = _add(ShardingType("row_wise", lands=_WORLD, rows=_WORLD))
ShardingType.TABLE_ROW_WISE = _add(ShardingType("table_row_wise", lands=_NODE, rows=_NODE))
ShardingType.TABLE_COLUMN_WISE = _add(
    ShardingType("table_column_wise", lands=_NODE, columns=Columns.DEALT)
)
ShardingType.GRID_SHARD = _add(
    ShardingType("grid_shard", lands=_NODE, rows=_NODE, columns=Columns.UNITS)
)
ShardingType.HOT_ROW_WISE = _add(ShardingType.ROW_WISE.with_hot_rows)
ShardingType.HOT_TABLE_WISE = _add(ShardingType.TABLE_WISE.with_hot_rows)
ShardingType.HOT_COLUMN_WISE = _add(ShardingType.COLUMN_WISE.with_hot_rows)
ShardingType.HOT_TABLE_ROW_WISE = _add(ShardingType.TABLE_ROW_WISE.with_hot_rows)
