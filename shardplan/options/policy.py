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

    @classmethod
    def free(cls, training: Training, table: Table) -> Self:
        """Of a table that no constraint speaks of, and others of such modules and features.

        The only type that a module allows is meant even where another one does the same.
        """
        exact = training.keeps_columns_whole
        allowed = frozenset(k for k in SHARDING_TYPES if not limits.type_fault(k, table))
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

    def narrowed(self, constraint: Constraint) -> Policy:
        """What a constraint leaves of it."""
        sharding, kernels, asked, ranks = self.sharding, self.kernels, self.asked, self.ranks
        if constraint.sharding is not None:
            sharding &= frozenset(constraint.sharding)
            asked |= frozenset(constraint.sharding)
        if constraint.kernels is not None:
            named = frozenset(constraint.kernels)
            kernels = named if kernels is None else kernels & named
        if constraint.ranks is not None:
            open_to = frozenset(constraint.ranks)
            ranks = open_to if ranks is None else ranks & open_to
        is_apart = self.is_apart or (constraint.apart and len(constraint.tables) > 1)
        cuts = self.column_shards if constraint.column_shards is None else constraint.column_shards
        return Policy(sharding, kernels, asked, ranks, is_apart, cuts)

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
    kinds = [(table.collection, table.has_own_batches) for table in workload.tables]
    one_of = dict(zip(kinds, workload.tables, strict=True))
    free = {kind: Policy.free(workload.training, table) for kind, table in one_of.items()}
    found = [free[kind] for kind in kinds]
    for index, kernels in PooledShares.of(workload, world).kernels.items():
        found[index] = Policy.of(workload.training, workload.tables[index], kernels)
    for constraint in constraints:
        for table in constraint.tables:
            found[table] = found[table].narrowed(constraint)
    return found
