"""The bytes that ranks must fetch when one plan follows another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.plan.diff.holding import Holding
    from shardplan.sharding.kernel import Kernel
    from shardplan.workload.dtype import Dtype
    from shardplan.workload.optimizers.optimizer_state import OptimizerState


def stored_bytes(
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    element_bytes: NDArray[np.int64] | int,
    state: OptimizerState,
) -> NDArray[np.int64]:
    """Bytes of the weights and the optimizer state of rectangles, of any shape."""
    size: NDArray[np.int64] = rows * (columns * element_bytes + state.row_bytes(columns))
    return size


@dataclass(frozen=True, slots=True)
class Content:
    """What is stored for a rectangle of a table: weights and optimizer state."""

    dtype: Dtype
    state: OptimizerState

    def bytes_of(self, shape: NDArray[np.int64]) -> NDArray[np.int64]:
        """Bytes of rectangles of ``shape`` (..., 2): rows, columns."""
        return stored_bytes(shape[..., 0], shape[..., 1], self.dtype.bytes, self.state)

    def tier_bytes_of(
        self, shape: NDArray[np.int64], old: Kernel, new: Kernel
    ) -> NDArray[np.int64]:
        """Of the same rectangles, what lies in another tier with the new kernel than with the old.

        What caches hold is a copy, and does not count. What is kept of each row is in HBM always.
        """
        rows, columns = shape[..., 0], shape[..., 1]
        found = np.zeros_like(rows)
        if old.rows_in is not new.rows_in:
            found += rows * columns * self.dtype.bytes
        if old.state_in is not new.state_in:
            found += rows * columns * self.state.bytes_per_weight
        return found


@dataclass(frozen=True, slots=True)
class Moves:
    """M transfers of parts of one table, and what stays on its rank but changes its tier."""

    source: NDArray[np.int64]
    """(M,): a rank of the old plan."""
    target: NDArray[np.int64]
    """(M,): a rank of the new plan, another one."""
    moved_bytes: NDArray[np.int64]
    """(M,): more than 0."""
    tier_rank: NDArray[np.int64]
    """(K,): ranks on which something changes its tier."""
    tier_bytes: NDArray[np.int64]
    """(K,)"""

    @property
    def total_bytes(self) -> int:
        """All that passes from one rank to another."""
        return int(self.moved_bytes.sum())

    @property
    def target_count(self) -> int:
        """How many ranks fetch something."""
        return len(np.unique(self.target))


def moves_between(old: Holding, new: Holding, content: Content, devices_per_node: int) -> Moves:
    """What each rank of ``new`` lacks, from a rank of ``old`` that holds it.

    A rank keeps what it holds already, wherever in the table it lies. Of a table that all ranks
    hold one near by is asked: on the same node where there is one. Rows that the old table did not
    have come from nowhere.
    """
    if len(old.rank) and (old.is_replicated or old.is_like(new)):
        return _whole_or_nothing(old, new, content, devices_per_node)
    met = old.overlaps(new)
    held = content.bytes_of(met.shape)
    source, target = old.rank[met.mine], new.rank[met.theirs]
    is_own = source == target
    retiered = np.zeros(len(new.rank), dtype=np.int64)
    stays = content.tier_bytes_of(met.shape[is_own], old.kernel, new.kernel)
    np.add.at(retiered, met.theirs[is_own], stays)
    return Moves(source[~is_own], target[~is_own], held[~is_own], *_some(new, retiered))


def _whole_or_nothing(old: Holding, new: Holding, content: Content, devices_per_node: int) -> Moves:
    rows_and_columns = np.minimum(new.end, old.end.max(axis=0)) - new.first
    shape = rows_and_columns.clip(min=0)
    needed = content.bytes_of(shape)
    is_held = np.isin(new.rank, old.rank)
    lacking = np.flatnonzero(~is_held & (needed > 0))
    target = new.rank[lacking]
    node_first = target - target % devices_per_node
    is_near = np.isin(node_first, old.rank)
    source = np.where(is_near, node_first, old.rank[target % len(old.rank)])
    retiered = np.where(is_held, content.tier_bytes_of(shape, old.kernel, new.kernel), 0)
    return Moves(source, target, needed[lacking], *_some(new, retiered))


def _some(new: Holding, retiered: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ranks on which something changes its tier, and its bytes."""
    found = np.flatnonzero(retiered)
    return new.rank[found], retiered[found]
