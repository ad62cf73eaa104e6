"""What each rank holds of a table, as rectangles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.file.table_entry import parse_placement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.table_entry import TableEntry
    from shardplan.plan.file.table_facts import TableFacts
    from shardplan.sharding.kernel import Kernel


@dataclass(frozen=True, slots=True)
class Holding:
    """S rectangles of one table; a rank may hold several, and all ranks the same one."""

    rank: NDArray[np.int64]
    """(S,)"""
    first: NDArray[np.int64]
    """(S, 2): first row, first column."""
    end: NDArray[np.int64]
    """(S, 2): the row and the column behind the last."""
    is_replicated: bool
    """Each rank holds the whole table."""
    kernel: Kernel
    """Decides in which tiers rows and optimizer state lie."""

    @classmethod
    def of(cls, entry: TableEntry, facts: TableFacts) -> Holding:
        """What an entry of a plan says of a table."""
        is_replicated = entry.sharding_type.is_replicated
        if is_replicated:
            rank = np.array(entry.ranks, dtype=np.int64)
            first = np.zeros((len(rank), 2), dtype=np.int64)
            end = np.tile(np.array([facts.rows, facts.dim]), (len(rank), 1))
        else:
            ranks = [parse_placement(shard.placement)[0] for shard in entry.shards]
            rank = np.array(ranks, dtype=np.int64)
            offsets = [shard.shard_offsets for shard in entry.shards]
            sizes = [shard.shard_sizes for shard in entry.shards]
            first = np.array(offsets, dtype=np.int64).reshape(-1, 2)
            end = first + np.array(sizes, dtype=np.int64).reshape(-1, 2)
        return cls(rank, first, end, is_replicated, entry.compute_kernel)

    @classmethod
    def of_decision(cls, decision: Decision, case: Case) -> Holding:
        """What a decision makes of its table."""
        table, topology = case.workload.tables[decision.table], case.topology
        if decision.sharding.is_replicated:
            rank = np.arange(topology.world_size)
            end = np.tile(np.array([table.rows, table.dim]), (len(rank), 1))
            return cls(rank, np.zeros_like(end), end, True, decision.kernel)
        pieces = decision.shards(table, topology.world)
        drawn = np.array(
            [(s.rank, s.row_offset, s.column_offset, s.rows, s.columns) for s in pieces],
            dtype=np.int64,
        )
        first = drawn[:, 1:3]
        return cls(drawn[:, 0], first, first + drawn[:, 3:5], False, decision.kernel)

    def is_one_piece(self, columns: int) -> bool:
        """Whether a single rank holds a table of so many columns, and once."""
        if self.is_replicated or len(self.rank) != 1:
            return False
        return not self.first.any() and int(self.end[0, 1]) == columns

    def is_like(self, other: Holding) -> bool:
        """Whether the same rectangles lie on the same ranks."""
        return all(
            np.array_equal(mine, others)
            for mine, others in (
                (self.rank, other.rank),
                (self.first, other.first),
                (self.end, other.end),
            )
        )

    def overlaps(self, other: Holding) -> Overlaps:
        """The pairs of rectangles that share any cell."""
        return overlapping(self.first, self.end, other.first, other.end)


@dataclass(frozen=True, slots=True)
class Overlaps:
    """P pairs of rectangles of two holdings."""

    mine: NDArray[np.int64]
    """(P,): a rectangle of the first holding."""
    theirs: NDArray[np.int64]
    """(P,): one of the other."""
    shape: NDArray[np.int64]
    """(P, 2): rows and columns that both have."""


def overlapping(
    my_first: NDArray[np.int64],
    my_end: NDArray[np.int64],
    first: NDArray[np.int64],
    end: NDArray[np.int64],
) -> Overlaps:
    """The pairs of rectangles, one of each of two sets, that share any cell.

    Rectangles sorted by their first rows are met in a range, so that two tables cut by rows over
    many ranks take no longer than there are pairs.
    """
    order = np.argsort(my_first[:, 0], kind="stable")
    reach = np.maximum.accumulate(my_end[order, 0])
    low = np.searchsorted(reach, first[:, 0], side="right")
    high = np.searchsorted(my_first[order, 0], end[:, 0], side="left")
    counts = (high - low).clip(min=0)
    theirs = np.repeat(np.arange(len(counts)), counts)
    offset = np.arange(len(theirs)) - np.repeat(np.cumsum(counts) - counts, counts)
    mine = order[np.repeat(low, counts) + offset]
    shape = np.minimum(my_end[mine], end[theirs]) - np.maximum(my_first[mine], first[theirs])
    shared = (shape > 0).all(axis=1)
    return Overlaps(mine[shared], theirs[shared], shape[shared])
