"""Of how many devices a TorchRec plan is, as far as its tables tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.convert.from_torchrec.stated_table import StatedTable
    from shardplan.sharding.world import World


@dataclass(frozen=True, slots=True)
class StatedWorld:
    """What the tables of a plan say alike; None of what they do not say, or not alike."""

    ranks: int | None
    """Told by tables on all devices."""
    devices_per_node: int | None
    """Told by tables whose rows are cut over the devices of a node."""

    @classmethod
    def of(cls, stated: Sequence[StatedTable]) -> Self:
        """From tables of the sharding types that TorchRec has."""
        kinds = {each.name: each for each in SHARDING_TYPES if each.is_torchrecs}
        worlds, nodes = set(), set()
        for table in stated:
            kind = kinds.get(table.sharding_type)
            if kind is None or not table.ranks:
                continue
            if kind.lands is Extent.WORLD:
                worlds.add(len(table.ranks))
            elif kind.rows is Extent.NODE:
                nodes.add(_ranks_of_a_block(table))
        return cls(*(each.pop() if len(each) == 1 else None for each in (worlds, nodes)))

    def assumed(self, world: World) -> str:
        """What of the world the plan does not tell, so that it is the spec's; empty if nothing."""
        taken = [f"{world.size} ranks"] if self.ranks is None else []
        if self.devices_per_node is None and world.nodes > 1:
            taken.append(f"{world.devices_per_node} to a node")
        what = "how many devices there are" if self.ranks is None else "how many make a node"
        told = f"no table tells {what}: the plan is taken as of the spec's {', '.join(taken)}"
        return told if taken else ""

    def fault(self, world: World) -> str:
        """How the world is another one; empty where it is not."""
        here = world.size, world.devices_per_node
        there = self.ranks or here[0], self.devices_per_node or here[1]
        if there == here:
            return ""
        told = [f"{there[0]} ranks"] if self.ranks else []
        told += [f"{there[1]} to a node"] if self.devices_per_node else []
        return f"the plan has {', '.join(told)}; the spec has {here[0]}, {here[1]} to a node"


def _ranks_of_a_block(table: StatedTable) -> int:
    """Over how many the rows of each column shard are cut."""
    if table.shards:
        return sum(shard.offsets[1] == 0 for shard in table.shards)
    return len(table.ranks) // (table.column_shards or 1)
