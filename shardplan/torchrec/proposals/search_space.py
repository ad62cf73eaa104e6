"""The options that TorchRec enumerates for a job, with what orders and bounds its proposals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np
from torchrec.distributed.planner.types import PartitionByType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray
    from torchrec.distributed.planner.types import ShardingOption, Topology


@dataclass(frozen=True, eq=False, slots=True)
class SearchSpace:
    """T tables with up to O options each, in the order of TorchRec's enumerator.

    A proposal is (T,): the number of each table's option. Times are TorchRec's milliseconds, sizes
    its bytes; what a table lacks of O options is endless.
    """

    options: tuple[tuple[ShardingOption, ...], ...]
    depth: NDArray[np.float64]
    """(T, O): of the longest shard."""
    breadth: NDArray[np.float64]
    """(T, O): of all shards together."""
    everywhere: NDArray[np.float64]
    """(T, O): what is added to every device, of options that lie on all; 0 for the others."""
    sizes: NDArray[np.float64]
    """(T, O, 4): HBM of the largest shard and of all, and the same of DDR."""

    @classmethod
    def of(cls, found: Iterable[ShardingOption]) -> Self:
        """Of options whose shards are estimated."""
        by_table: dict[str, list[ShardingOption]] = {}
        for option in found:
            by_table.setdefault(option.fqn, []).append(option)
        options = tuple(map(tuple, by_table.values()))
        count = len(options), max(map(len, options), default=0)

        def each(number: Callable[[ShardingOption], float]) -> NDArray[np.float64]:
            filled = np.full(count, np.inf)
            for table, of_table in enumerate(options):
                filled[table, : len(of_table)] = list(map(number, of_table))
            return filled

        sizes = np.full((*count, 4), np.inf)
        for table, of_table in enumerate(options):
            sizes[table, : len(of_table)] = list(map(_sizes, of_table))
        return cls(
            options,
            each(lambda option: max(_milliseconds(option))),
            each(lambda option: sum(_milliseconds(option))),
            each(lambda option: min(_milliseconds(option)) if _is_everywhere(option) else 0.0),
            sizes,
        )

    @property
    def table_count(self) -> int:
        """T."""
        return len(self.options)

    def chosen(self, proposal: NDArray[np.intp]) -> list[ShardingOption]:
        """The options themselves."""
        return [of[option] for of, option in zip(self.options, proposal.tolist(), strict=True)]

    def least_milliseconds(self, proposal: NDArray[np.intp], devices: int) -> float:
        """That the busiest device takes, wherever shards are put: no less than the average, nor
        than any shard with what lies on every device."""
        table = np.arange(self.table_count)
        depth, alike = self.depth[table, proposal], self.everywhere[table, proposal]
        alone = np.where(alike > 0, 0.0, depth).max(initial=0.0) + alike.sum()
        return max(float(self.breadth[table, proposal].sum()) / devices, float(alone))

    def may_fit(self, proposal: NDArray[np.intp], left: Topology) -> bool:
        """Whether no shard is too large for the largest device, nor all of them for all."""
        sizes = self.sizes[np.arange(self.table_count), proposal]
        storage = [(each.storage.hbm, each.storage.ddr) for each in left.devices]
        room = np.array(storage, dtype=np.float64)
        is_small = (sizes[:, [0, 2]].max(axis=0) <= room.max(axis=0)).all()
        return bool(is_small and (sizes[:, [1, 3]].sum(axis=0) <= room.sum(axis=0)).all())


def _milliseconds(option: ShardingOption) -> list[float]:
    return [shard.perf.total for shard in option.shards]


def _sizes(option: ShardingOption) -> tuple[float, float, float, float]:
    hbm = [shard.storage.hbm for shard in option.shards]
    ddr = [shard.storage.ddr for shard in option.shards]
    return max(hbm), sum(hbm), max(ddr), sum(ddr)


def _is_everywhere(option: ShardingOption) -> bool:
    return bool(option.partition_by == PartitionByType.UNIFORM.value)
