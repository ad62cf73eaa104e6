"""What one table may use, by the constraints that speak of it and by how it is trained."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from shardplan.options import limits
from shardplan.options.dynamic_shares import PooledShares
from shardplan.sharding.kind import SHARDING_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.options.constraint import Constraint
    from shardplan.options.pins import Pins
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.kind import ShardingType
    from shardplan.sharding.world import Extent, World
    from shardplan.workload.table import Table
    from shardplan.workload.training import Training
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class Policy:
    """What one table may use; hashable, since most tables share a policy."""

    sharding: frozenset[ShardingType]
    kernels: frozenset[Kernel] | None
    """None: those that are offered unasked."""
    asked: frozenset[ShardingType]
    ranks: frozenset[int] | None
    """None: all of them."""
    is_apart: bool
    """Whether it may not meet other tables."""
    column_shards: int | None = None
    """Into how many its columns are cut where they are; None: any number."""
    pins: tuple[Pins, ...] = ()
    """All that hold, each once."""

    @property
    def load_factors(self) -> tuple[float, ...]:
        """Of a cache in HBM, those that are pinned."""
        pinned = [each.load_factor for each in self.pins if each.load_factor is not None]
        return tuple(dict.fromkeys(pinned))

    @property
    def hot_rows(self) -> tuple[int, ...]:
        """On every device, those that are pinned."""
        pinned = [each.hot_rows for each in self.pins if each.hot_rows is not None]
        return tuple(dict.fromkeys(pinned))

    @property
    def column_blocks(self) -> tuple[int, ...]:
        """Widths of column shards that are pinned; empty where none are."""
        return next((each.column_blocks for each in self.pins if each.column_blocks), ())

    @property
    def counts_columns(self) -> bool:
        """Whether it says into how many column shards a table is cut."""
        return any(each.column_shards for each in self.pins)

    def allows_kernel(self, kernel: Kernel) -> bool:
        """By its pins; no cache has two sizes."""
        if kernel.caches and len(self.load_factors) > 1:
            return False
        return not any(each.kernel_fault(kernel) for each in self.pins)

    def allows_cut(self, width: int, column_shards: int) -> bool:
        """Whether columns may be cut so, where they are; the narrowest shard is ``width`` wide."""
        if self.column_shards not in (None, column_shards):
            return False
        return not any(each.cut_fault(width, column_shards) for each in self.pins)

    @property
    def allows_blocks(self) -> bool:
        """Whether all else that holds goes with the widths of column shards that are pinned."""
        pinned = {each.column_blocks for each in self.pins if each.column_blocks}
        return len(pinned) == 1 and all(
            self.allows_cut(min(widths), len(widths)) for widths in pinned
        )

    @classmethod
    def free(cls, training: Training, table: Table) -> Self:
        """Of a table that no constraint speaks of, and others of such modules and features of which
        hot rows are known or not alike.

        The only type that a module allows is meant even where another one does the same.
        """
        exact = training.keeps_columns_whole
        allowed = frozenset(
            kind
            for kind in SHARDING_TYPES
            if not (limits.training_fault(kind, training) or limits.type_fault(kind, table))
        )
        sharding = frozenset(kind for kind in allowed if not (exact and kind.cuts_columns))
        return cls(sharding, None, allowed if len(allowed) == 1 else frozenset(), None, False)

    @classmethod
    def of(cls, training: Training, table: Table, dynamic: frozenset[Kernel] | None) -> Self:
        """Of a table that no constraint speaks of; a dynamic one may use these kernels.

        It is cut by rows over all devices, however few these are.
        """
        free = cls.free(training, table)
        if dynamic is None:
            return free
        dealt = frozenset(kind for kind in free.sharding if kind.deals_rows_to_all)
        return replace(free, sharding=dealt, kernels=dynamic, asked=dealt)

    def narrowed(self, constraint: Constraint, world: World) -> Policy:
        """What a constraint leaves of it."""
        sharding, kernels, asked, ranks = self.sharding, self.kernels, self.asked, self.ranks
        if constraint.sharding is not None:
            sharding &= frozenset(constraint.sharding)
            asked |= frozenset(constraint.sharding)
        if constraint.kernels is not None:
            named = frozenset(constraint.kernels)
            kernels = named if kernels is None else kernels & named
        open_ranks = constraint.open_ranks(world)
        if open_ranks is not None:
            ranks = frozenset(open_ranks) if ranks is None else ranks & frozenset(open_ranks)
        is_apart = self.is_apart or (constraint.apart and len(constraint.tables) > 1)
        cuts = self.column_shards if constraint.column_shards is None else constraint.column_shards
        pins = self.pins
        if constraint.pins:
            sharding = frozenset(kind for kind in sharding if not constraint.pins.kind_fault(kind))
            pins = tuple(dict.fromkeys((*pins, constraint.pins)))
        return Policy(sharding, kernels, asked, ranks, is_apart, cuts, pins)

    def reaches(self, extent: Extent, world: World) -> bool:
        """Whether a unit may land on a device, on a whole node, on all devices."""
        if self.ranks is None:
            return True
        return any(
            self.ranks.issuperset(world.ranks_of(extent, place))
            for place in range(world.count_of(extent))
        )


def policies(workload: Workload, world: World, constraints: Sequence[Constraint]) -> list[Policy]:
    """Of each table."""
    kinds = [
        (table.collection, table.has_own_batches, not limits.hot_rows_fault(table))
        for table in workload.tables
    ]
    one_of = dict(zip(kinds, workload.tables, strict=True))
    free = {kind: Policy.free(workload.training, table) for kind, table in one_of.items()}
    found = [free[kind] for kind in kinds]
    for index, kernels in PooledShares.of(workload, world).kernels.items():
        found[index] = Policy.of(workload.training, workload.tables[index], kernels)
    for constraint in constraints:
        for table in constraint.tables:
            found[table] = found[table].narrowed(constraint, world)
    return found
