"""Which groups of tables are merged, as an integer program and its relaxation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import floor
from typing import TYPE_CHECKING

import numpy as np

from shardplan.serving.merging.groups import NOBODY, Classes, groups_of
from shardplan.solve.program.answer import Limits
from shardplan.solve.program.backend import solve_program
from shardplan.solve.program.program import INFINITY, ProgramBuilder

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import NDArray

    from shardplan.serving.merging.groups import Groups
    from shardplan.serving.merging.piece import Piece
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.program.answer import Answer

_MOST_GROUPS = 20_000
"""That are looked at; of the others the bounds know only what they take at least."""
_TABLES_OF_ONE_SAVED = 1.5
"""At least: a triple saves two of three."""
_ROUNDING = 1e-6


@dataclass(frozen=True, eq=False)
class MergeProgram:
    """Integer programs over groups of tables that differ."""

    classes: Classes
    groups: Groups
    of_class: tuple[tuple[int, ...], ...]
    """(C,): positions of the pieces of each."""
    unit: float
    """Bytes; near the budget, so that tolerances mean something."""
    budget: float
    """In units."""

    @classmethod
    def of(cls, pieces: Sequence[Piece], extra_at_most: int) -> MergeProgram:
        alike: dict[tuple[int, int, int], list[int]] = {}
        numbers: dict[Hashable, int] = {}
        for at, piece in enumerate(pieces):
            kin = numbers.setdefault(piece.kin, len(numbers))
            alike.setdefault((piece.rows, piece.row_bytes, kin), []).append(at)
        keys = sorted(alike)
        rows, width, number = np.array(keys, dtype=np.int64).reshape(-1, 3).T
        count = np.array([len(alike[key]) for key in keys], dtype=np.int64)
        classes = Classes(number, rows.astype(np.float64), width.astype(np.float64), count)
        groups = groups_of(classes, float(extra_at_most), _MOST_GROUPS)
        unit = float(max(1, extra_at_most))
        members = tuple(tuple(alike[key]) for key in keys)
        return cls(classes, groups, members, unit, extra_at_most / unit)

    @property
    def is_whole(self) -> bool:
        """Whether no group was left out."""
        return self.groups.left_out_bytes == INFINITY

    def greedy(self, saved: int) -> NDArray[np.int64]:
        """(G,): how often each group is merged, if those come first that cost least for each table
        saved, as long as there is need, room and budget."""
        taken = np.zeros(len(self.groups.members), dtype=np.int64)
        left, budget = self.classes.count.copy(), self.budget * self.unit
        each, fewer = self.groups.extra_bytes / self.groups.saved, self.groups.saved
        for group in np.argsort(each, kind="stable").tolist():
            members = self.groups.members[group]
            classes, times = np.unique(members[members != NOBODY], return_counts=True)
            extra = float(self.groups.extra_bytes[group])
            while fewer[group] <= saved and extra <= budget and (left[classes] >= times).all():
                left[classes] -= times
                taken[group] += 1
                saved, budget = saved - int(fewer[group]), budget - extra
        return taken

    def most_saved(self, until: Deadline) -> int:
        """Tables that any merging within the budget makes fewer at most."""
        if not len(self.groups.members):
            return 0
        answer = self.solved(-self.groups.saved.astype(np.float64), None, until, whole=False)
        loose = sum(map(len, self.of_class)) - 1
        return min(loose, floor(_ROUNDING - max(answer.bound, -float(loose))))

    def cheapest(self, saved: int, until: Deadline) -> tuple[NDArray[np.int64] | None, float]:
        """(G,): how often each group is merged, to save so many tables for the fewest bytes; and
        bytes of which no way to save as many takes less."""
        cost = self.groups.extra_bytes / self.unit
        loose = self.solved(cost, saved, until, whole=False)
        bound = max(0.0, loose.bound)
        useful = np.ones(len(cost), dtype=np.bool_)
        if loose.column_duals is not None and np.isfinite(loose.bound):
            # What goes beyond the budget by the bound alone is in no merging that is looked for.
            useful = loose.bound + loose.column_duals[: len(cost)] <= self.budget + _ROUNDING
        narrowed = replace(self, groups=self.groups.only(useful))
        answer = narrowed.solved(cost[useful], saved, until, whole=True)
        if self.is_whole:
            bound = max(bound, answer.bound)
        taken = np.zeros(len(cost), dtype=np.int64)
        if answer.x is None:
            return None, bound * self.unit
        taken[useful] = np.rint(answer.x)
        return taken, bound * self.unit

    def spelled_out(self, taken: NDArray[np.int64]) -> tuple[tuple[int, ...], ...]:
        """The pieces of each group."""
        left = [list(pieces) for pieces in self.of_class]
        groups = []
        for group in np.flatnonzero(taken).tolist():
            members = [each for each in self.groups.members[group].tolist() if each != NOBODY]
            for _ in range(int(taken[group])):
                groups.append(tuple(left[each].pop(0) for each in members))
        return tuple(sorted(groups))

    def solved(
        self, cost: NDArray[np.float64], saved: int | None, until: Deadline, *, whole: bool
    ) -> Answer:
        """Of the least ``cost`` in (G,) groups, to save so many tables; within the budget where
        that is not said.

        In a relaxation groups that were left out save tables too, for the least that any takes.
        """
        members = self.groups.members
        build = ProgramBuilder()
        x = build.add_columns("x", [np.arange(len(cost))], cost=cost, integer=whole)
        once = build.add_rows("once", [np.arange(len(self.of_class))], upper=self.classes.count)
        group, place = np.nonzero(members != NOBODY)
        taken, times = np.unique(
            np.stack([members[group, place], group]), axis=1, return_counts=True
        )
        build.add_entries(once[taken[0]], x[taken[1]], times)
        budget = build.add_rows("budget", [0], upper=self.budget if saved is None else INFINITY)
        build.add_entries(budget[0], x, self.groups.extra_bytes / self.unit)
        fewer = build.add_rows("fewer", [0], lower=-INFINITY if saved is None else saved)
        build.add_entries(fewer[0], x, self.groups.saved)
        if not whole and not self.is_whole:
            each = self.groups.left_out_bytes / self.unit
            other = build.add_columns("left_out", [0], cost=-1.0 if saved is None else each)
            build.add_entries(budget[0], other, each)
            build.add_entries(fewer[0], other, 1.0)
            tables = build.add_rows("tables", [0], upper=self.classes.count.sum())
            build.add_entries(tables[0], x, self.groups.saved + 1)
            build.add_entries(tables[0], other, _TABLES_OF_ONE_SAVED)
        return solve_program(build.build(), Limits(until))
