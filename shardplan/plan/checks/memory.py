"""Every shard is as large as the plan says, and everything fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.cost_model import TIERS
from shardplan.plan.decision import options_of
from shardplan.plan.file.rounding import all_whole_bytes, whole_bytes
from shardplan.plan.finding import Finding
from shardplan.plan.recover import stated_decision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.capacity import Capacity
    from shardplan.cost.cost_model import CostModel
    from shardplan.plan.file.table_entry import MemoryBytes
    from shardplan.plan.planned import Planned


def check_shard_memory(
    planned: Sequence[Planned], cost_model: CostModel
) -> dict[int, list[Finding]]:
    """The bytes of each shard, computed again from its size; by the position of the table."""
    sizes = [_sizes(each) for each in planned]
    of_size = [each for each, cut in zip(planned, sizes, strict=True) for _ in cut]
    rows, columns = np.array([size for cut in sizes for size in cut], np.int64).reshape(-1, 2).T
    options = options_of([stated_decision(each) for each in of_size])
    real = cost_model.shard_bytes(options, rows, columns)
    held = iter(all_whole_bytes(real))
    return {
        each.index: list(_wrong_bytes(each, {size: next(held) for size in cut}))
        for each, cut in zip(planned, sizes, strict=True)
    }


def _sizes(planned: Planned) -> list[tuple[int, ...]]:
    """Of the shards that are no larger than the table; the others are not covered by it anyway."""
    largest = planned.table.rows, planned.table.dim
    sizes = dict.fromkeys(shard.shard_sizes for shard in planned.entry.shards)
    return [size for size in sizes if size[0] <= largest[0] and size[1] <= largest[1]]


def _wrong_bytes(planned: Planned, needs: dict[tuple[int, ...], list[int]]) -> Iterator[Finding]:
    for position, shard in enumerate(planned.entry.shards):
        rows, columns = shard.shard_sizes
        for tier, needed in enumerate(needs.get((rows, columns), ())):
            if shard.memory_bytes[tier] != needed:
                where = f"{planned.where}.shards[{position}].memory_bytes.{TIERS[tier]}"
                message = f"is {shard.memory_bytes[tier]}; {rows} x {columns} take {needed}"
                yield Finding("shard_memory", where, message)


def check_reserve(recorded: MemoryBytes, capacity: Capacity) -> Iterator[Finding]:
    """The plan keeps free what the spec asks for, to the byte."""
    for tier, reserve in enumerate(capacity.reserve_bytes.tolist()):
        if recorded[tier] != whole_bytes(reserve):
            where = f"prediction.reserve_bytes.{TIERS[tier]}"
            message = f"is {recorded[tier]}; the spec keeps {whole_bytes(reserve)} free"
            yield Finding("prediction", where, message)


def check_capacity(
    rank_bytes: NDArray[np.float64], capacity: Capacity, nodes: int
) -> Iterator[Finding]:
    """No device's HBM and no node's DDR or SSD is over what the reserve leaves.

    ``rank_bytes`` is (W, 3), with the base in it and without the reserve.
    """
    usable = capacity.usable_bytes
    of_node = rank_bytes.reshape(nodes, -1, len(TIERS)).sum(axis=1)
    for tier, used in enumerate((rank_bytes[:, 0], of_node[:, 1], of_node[:, 2])):
        owner = "rank" if tier == 0 else "node"
        # A byte of slack per rank: recorded counts are rounded up to whole bytes.
        for index in np.flatnonzero(used > usable[tier] + len(rank_bytes)):
            message = (
                f"needs {used[index]:.0f} bytes of {TIERS[tier]}; "
                f"{usable[tier]:.0f} are usable ({capacity.raw_bytes[tier]:.0f} "
                f"less the reserve of {capacity.reserve_bytes[tier]:.0f})"
            )
            yield Finding("memory", f"{owner} {index}", message)
