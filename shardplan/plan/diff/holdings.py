"""What ranks hold of many tables at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.diff.holding import Overlaps, overlapping
from shardplan.plan.diff.moves import stored_bytes

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.diff.holding import Holding
    from shardplan.workload.optimizers.optimizer_state import OptimizerState


@dataclass(frozen=True, slots=True)
class Holdings:
    """S rectangles of T tables, in the order of the tables."""

    table: NDArray[np.int64]
    """(S,): the number of each one's table among the T."""
    rank: NDArray[np.int64]
    """(S,)"""
    first: NDArray[np.int64]
    """(S, 2): first row, first column."""
    end: NDArray[np.int64]
    """(S, 2): the row and the column behind the last."""
    is_replicated: NDArray[np.bool_]
    """(T,): each rank holds the whole table."""

    @classmethod
    def of(cls, each: Sequence[Holding | None]) -> Self:
        """Side by side; None is a table of which nobody holds anything."""
        held = [one for one in each if one is not None]
        none = np.zeros((0, 2), np.int64)
        return cls(
            np.repeat(np.arange(len(each)), [0 if one is None else len(one.rank) for one in each]),
            np.concatenate([none[:, 0], *(one.rank for one in held)]),
            np.concatenate([none, *(one.first for one in held)]),
            np.concatenate([none, *(one.end for one in held)]),
            np.array([one is not None and one.is_replicated for one in each], dtype=np.bool_),
        )

    @classmethod
    def of_decisions(cls, decisions: Sequence[Decision], case: Case) -> Self:
        """What decisions make of their tables, which need not be all of the case."""
        tables, world = case.workload.tables, case.topology.world
        drawn: list[tuple[int, int, int, int, int, int]] = []
        for number, each in enumerate(decisions):
            table = tables[each.table]
            if each.sharding.is_replicated:
                size = table.rows, table.dim
                drawn += [(number, rank, 0, 0, *size) for rank in range(world.size)]
            else:
                drawn += [
                    (number, s.rank, s.row_offset, s.column_offset, s.rows, s.columns)
                    for s in each.shards(table, world)
                ]
        cells = np.array(drawn, dtype=np.int64).reshape(-1, 6)
        first = cells[:, 2:4]
        replicated = np.array([each.sharding.is_replicated for each in decisions], dtype=np.bool_)
        return cls(cells[:, 0], cells[:, 1], first, first + cells[:, 4:], replicated)

    @property
    def counts(self) -> NDArray[np.int64]:
        """(T,): rectangles of each table."""
        return np.bincount(self.table, minlength=len(self.is_replicated))

    @property
    def last(self) -> NDArray[np.int64]:
        """(T, 2): how many rows and columns of each table there are."""
        found = np.zeros((len(self.is_replicated), 2), dtype=np.int64)
        np.maximum.at(found, self.table, self.end)
        return found

    def take(self, tables: NDArray[np.int64]) -> Holdings:
        """Those of some tables, numbered anew in their order."""
        counts = self.counts
        starts, taken = (np.cumsum(counts) - counts)[tables], counts[tables]
        inside = np.arange(taken.sum()) - np.repeat(np.cumsum(taken) - taken, taken)
        row = np.repeat(starts, taken) + inside
        number = np.repeat(np.arange(len(tables)), taken)
        parts = self.rank[row], self.first[row], self.end[row]
        return Holdings(number, *parts, self.is_replicated[tables])

    def overlaps(self, other: Holdings) -> Overlaps:
        """The pairs of rectangles of the same table, one of each, that share any cell."""
        # One table below the other: none reaches into the rows of the next.
        heights = np.maximum(self.last[:, 0], other.last[:, 0])
        below = np.column_stack([np.cumsum(heights) - heights, np.zeros_like(heights)])
        mine, theirs = below[self.table], below[other.table]
        return overlapping(
            self.first + mine, self.end + mine, other.first + theirs, other.end + theirs
        )

    def moved_bytes(
        self, new: Holdings, element_bytes: NDArray[np.int64], state: OptimizerState
    ) -> NDArray[np.int64]:
        """(T,): what ranks lack of ``new``, of what is here, as ``moves_between`` has it.

        ``element_bytes`` (T,) are those of a weight.
        """
        copied, found = self.is_replicated, np.zeros(len(element_bytes), dtype=np.int64)
        met = self._but(~copied).overlaps(new._but(~copied))
        mine, theirs = np.flatnonzero(~copied[self.table]), np.flatnonzero(~copied[new.table])
        source, target = mine[met.mine], theirs[met.theirs]
        fetched = self.rank[source] != new.rank[target]
        table = new.table[target[fetched]]
        width, shape = element_bytes[table], met.shape[fetched]
        np.add.at(found, table, stored_bytes(shape[:, 0], shape[:, 1], width, state))
        # Of a table that each rank had whole, only ranks that were not there lack anything.
        ranks = 1 + int(max(self.rank.max(initial=0), new.rank.max(initial=0)))
        had = np.isin(new.table * ranks + new.rank, self.table * ranks + self.rank)
        lacking = np.flatnonzero(copied[new.table] & ~had)
        table = new.table[lacking]
        shape = (np.minimum(new.end[lacking], self.last[table]) - new.first[lacking]).clip(min=0)
        width = element_bytes[table]
        np.add.at(found, table, stored_bytes(shape[:, 0], shape[:, 1], width, state))
        return found

    def _but(self, kept: NDArray[np.bool_]) -> Holdings:
        """Those of the tables that are ``kept`` (T,), under the same numbers."""
        row = np.flatnonzero(kept[self.table])
        parts = self.table[row], self.rank[row], self.first[row], self.end[row]
        return Holdings(*parts, self.is_replicated)


def rectangles_of(decision: Decision, case: Case) -> int:
    """How many rectangles a decision makes of its table, at most."""
    each = case.topology.world.devices_of(decision.sharding.lands)
    return max(len(decision.places) * each, decision.column_shards)
