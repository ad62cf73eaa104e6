"""What the user demands of where some tables go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shardplan.options.pins import NO_PINS, Pins

if TYPE_CHECKING:
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.kind import ShardingType
    from shardplan.sharding.world import World


@dataclass(frozen=True, slots=True)
class Constraint:
    """One demand on a set of tables; what is None is not demanded."""

    tables: tuple[int, ...]
    """Positions in the workload's tables, rising."""
    sharding: tuple[ShardingType, ...] | None = None
    """The only sharding types allowed."""
    kernels: tuple[Kernel, ...] | None = None
    """The only kernels allowed."""
    together: bool = False
    """All on the same devices."""
    apart: bool = False
    """No device holds parts of two of them."""
    ranks: tuple[int, ...] | None = None
    """The only ranks allowed, rising."""
    nodes: tuple[int, ...] | None = None
    """The only nodes allowed, rising."""
    pins: Pins = NO_PINS
    column_shards: int | None = None
    """Into how many their columns are cut where they are."""
    is_choice: bool = False
    """Whether nobody demands it: other choices would do, and nothing is proven of them."""
    label: str = ""
    """How messages name it: ``constraints[2]``."""
    line: int = field(default=0, compare=False)
    """Where it is written; 0 where it is in no file."""

    def open_ranks(self, world: World) -> tuple[int, ...] | None:
        """The only ranks allowed by ranks and nodes, rising; None: all."""
        if self.nodes is None:
            return self.ranks
        each = world.devices_per_node
        there = [rank for node in self.nodes for rank in range(node * each, (node + 1) * each)]
        return tuple(there if self.ranks is None else sorted(set(there) & set(self.ranks)))

    def place_fault(self, world: World) -> str:
        """The first place that it names and the world has not."""
        for named, place, count, among in (
            (self.ranks, "rank", world.size, "devices"),
            (self.nodes, "node", world.nodes, "nodes"),
        ):
            if named and named[-1] >= count:
                return f"there is no {place} {named[-1]} among {count} {among}"
        return ""

    @property
    def named(self) -> str:
        """How messages name it, with its line: ``constraints[2] (line 9)``."""
        return f"{self.label} (line {self.line})" if self.line else self.label or "a demand"
