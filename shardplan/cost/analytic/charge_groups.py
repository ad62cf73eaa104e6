"""What may be paid for once however many tables there are: a module sharded in some way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.cost_model import Charges
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from shardplan.options.option_set import OptionSet
    from shardplan.workload.table import Table


@dataclass(frozen=True, eq=False)
class ChargeGroups:
    """G pairs of a module and a sharding type: a runtime sends the ids of each pair at once."""

    module_of_table: NDArray[np.int64]
    """(T,): position in ``modules``."""
    modules: tuple[str, ...]
    kinds: tuple[ShardingType, ...]
    is_pooled: Mapping[str, bool]
    """By module."""

    @classmethod
    def of(cls, tables: Sequence[Table]) -> Self:
        """All pairs that the tables may be part of, module by module."""
        modules = tuple(dict.fromkeys(table.module for table in tables))
        number = {module: position for position, module in enumerate(modules)}
        of_table = np.array([number[table.module] for table in tables], np.int64)
        pooled = {table.module: table.collection.is_pooled for table in tables}
        return cls(of_table, modules, tuple(SHARDING_TYPES), pooled)

    def __len__(self) -> int:
        return len(self.modules) * len(self.kinds)

    @cached_property
    def pairs(self) -> tuple[tuple[str, ShardingType], ...]:
        """(G,): module and sharding type."""
        return tuple((module, kind) for module in self.modules for kind in self.kinds)

    @property
    def tables(self) -> NDArray[np.int64]:
        """(G,): how many tables each module has."""
        counts = np.bincount(self.module_of_table, minlength=len(self.modules))
        return np.repeat(counts, len(self.kinds))

    def charges(self, options: OptionSet, seconds: NDArray[np.float64]) -> Charges:
        """``seconds`` (G, P) as charges of options; groups that none has, or that are free, go.

        Where devices keep hot rows besides, those are of the group of data-parallel tables too.
        """
        first = self.module_of_table[options.table] * len(self.kinds)
        group = first + options.sharding
        replicated = SHARDING_TYPES.index(ShardingType.DATA_PARALLEL)
        besides = np.where(options.keep_hot_rows, first + replicated, group)
        there = np.bincount(np.concatenate([group, besides]), minlength=len(self)) > 0
        kept = np.flatnonzero(there & seconds.any(axis=1))
        named = len(self.modules) > 1
        return Charges(
            tuple(
                f"{kind.name} in {module}" if named else kind.name
                for module, kind in (self.pairs[pair] for pair in kept.tolist())
            ),
            (group[:, None] == kept) | (besides[:, None] == kept),
            seconds[kept],
        )
