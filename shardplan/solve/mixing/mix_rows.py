"""What lies on devices and nodes when items are mixed: rows of the program in ``mixing``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.placement import Placement, per_device, per_node
from shardplan.solve.problem.problem import Problem, Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.program.program import ProgramBuilder


@dataclass(frozen=True)
class MixRows:
    """Rows that sum up what lies on places, of mixed items by proportion."""

    problem: Problem
    start: Placement
    items: NDArray[np.int64]
    options: NDArray[np.int64]
    w: NDArray[np.int64]
    """(options,): the column of each."""

    def add(
        self,
        build: ProgramBuilder,
        family: str,
        per_option: NDArray[np.float64],
        room: NDArray[np.float64] | None,
        most: NDArray[np.int64] | None,
        spill: NDArray[np.float64] | None = None,
    ) -> NDArray[np.int64]:
        """What each device bears is within ``room`` (D, K), or at most ``most`` (K,), columns.

        ``spill`` (O, K) comes on top for every unit that lands on a device of the node. Returns the
        rows: of each device, one for each kind that anything bears on.
        """
        problem = self.problem
        fixed = per_device(problem, self.start, self._fixed(per_option))
        bears = per_option[self.options].any(axis=0)
        if spill is not None:
            spilt = per_node(problem, self.start, self._fixed(spill))
            fixed += np.repeat(spilt, problem.devices_per_node, axis=0)
            bears |= spill[self.options].any(axis=0)
        used = np.flatnonzero(bears | fixed.any(axis=0))
        used = used if room is None else np.arange(room.shape[1])
        place, kind = (part.ravel() for part in np.indices((problem.device_count, len(used))))
        upper = -fixed if room is None else room - fixed
        rows = build.add_rows(family, [place, kind], upper=upper[:, used].ravel())
        rows = rows.reshape(problem.device_count, len(used))
        if most is not None:
            build.add_entries(rows, most[used][None, :], -1.0)
        everywhere = self._everywhere(build, family, per_option[:, used])
        build.add_entries(rows, everywhere[None, :], 1.0)
        at, column, count = self._touched(Shape.DEVICE)
        borne = count[:, None] * per_option[self.options[column]]
        build.add_entries(rows[at], self.w[column][:, None], borne[:, used])
        if spill is not None:
            shared = self._shared(build, spill[:, used])
            build.add_entries(rows, np.repeat(shared, problem.devices_per_node, axis=0), 1.0)
        return rows

    def _shared(self, build: ProgramBuilder, spill: NDArray[np.float64]) -> NDArray[np.int64]:
        """(N, K): columns for what mixed items spill on every device of a node."""
        node, kind = (
            part.ravel() for part in np.indices((self.problem.node_count, spill.shape[1]))
        )
        shared = build.add_columns("spill", [node, kind]).reshape(-1, spill.shape[1])
        rows = build.add_rows("spilt", [node, kind], lower=0.0, upper=0.0)
        rows = rows.reshape(shared.shape)
        build.add_entries(rows, shared, -1.0)
        at, column, count = self._touched(Shape.NODE)
        spilt = count[:, None] * spill[self.options[column]]
        build.add_entries(rows[at], self.w[column][:, None], spilt)
        return shared

    def add_to_nodes(
        self,
        build: ProgramBuilder,
        family: str,
        per_option: NDArray[np.float64],
        room: NDArray[np.float64],
    ) -> None:
        """What each node holds is within ``room`` (N, K)."""
        problem = self.problem
        fixed = per_node(problem, self.start, self._fixed(per_option))
        used = np.flatnonzero(per_option[self.options].any(axis=0))
        place, kind = (part.ravel() for part in np.indices((problem.node_count, len(used))))
        rows = build.add_rows(family, [place, kind], upper=(room - fixed)[:, used].ravel())
        rows = rows.reshape(problem.node_count, len(used))
        everywhere = self._everywhere(build, family, per_option[:, used])
        build.add_entries(rows, everywhere[None, :], 1.0)
        at, column, count = self._touched(Shape.NODE)
        borne = count[:, None] * per_option[self.options[column]]
        build.add_entries(rows[at], self.w[column][:, None], borne[:, used])

    def _fixed(self, per_option: NDArray[np.float64]) -> NDArray[np.float64]:
        """(I, K): of the items that are not mixed."""
        fixed = self.start.of_items(self.problem, per_option).copy()
        fixed[self.items] = 0.0
        return fixed

    def _everywhere(
        self, build: ProgramBuilder, family: str, per_option: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """(K,): columns for what mixed all-device items put on every place."""
        kinds = np.arange(per_option.shape[1])
        base = build.add_columns(f"{family}_base", [kinds])
        rows = build.add_rows(f"{family}_basis", [kinds], lower=0.0, upper=0.0)
        build.add_entries(rows, base, -1.0)
        shared = np.flatnonzero(self.problem.shape[self.options] == Shape.ALL)
        build.add_entries(rows[None, :], self.w[shared][:, None], per_option[self.options[shared]])
        return base

    def _touched(
        self, level: Shape
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """(n,): each place that a unit of a mixed item touches, an option of it, and how many."""
        problem, start = self.problem, self.start
        item = np.repeat(np.arange(problem.item_count), np.diff(start.unit_offsets))
        mixed = np.isin(item, self.items)
        item, place = item[mixed], start.targets[mixed]
        on_node = problem.shape[start.option[item]] == Shape.NODE
        each = problem.devices_per_node
        if level is Shape.NODE:
            place = np.where(on_node, place, place // each)
        else:
            spread = np.where(on_node, each, 1)
            first = np.repeat(np.where(on_node, place * each, place), spread)
            place = first + _counting(spread)
            item = np.repeat(item, spread)
        pairs, count = np.unique(np.column_stack([place, item]), axis=0, return_counts=True)
        owner = problem.item_of_option[self.options]
        begin = np.searchsorted(owner, pairs[:, 1])
        many = np.searchsorted(owner, pairs[:, 1], side="right") - begin
        column = np.repeat(begin, many) + _counting(many)
        return np.repeat(pairs[:, 0], many), column, np.repeat(count, many).astype(np.float64)


def _counting(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... of each count, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
