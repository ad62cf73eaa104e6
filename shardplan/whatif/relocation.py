"""What the tables of a case would have to move to follow an old plan."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.decision import Decision
from shardplan.plan.diff.holding import Holding
from shardplan.plan.diff.holdings import Holdings, rectangles_of
from shardplan.plan.diff.moves import Content, stored_bytes
from shardplan.plan.diff.stocks import Stocks
from shardplan.plan.diff.unit_moves import moved_by_unit
from shardplan.sharding.geometry import column_blocks
from shardplan.sharding.world import Extent
from shardplan.solve.portfolio.relocation_limit import RelocationLimit
from shardplan.solve.problem.problem import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.problem.placement import Placement

_CELLS_AT_ONCE = 4_000_000
"""Tables times devices whose holdings lie side by side in memory; or pairs of rectangles."""


@dataclass(frozen=True)
class Relocation:
    """The tables of a case, with what each rank held of them under an old plan."""

    case: Case
    old: tuple[Holding | None, ...]
    """Per table; None for one that the old plan does not have, or with other columns."""
    old_devices_per_node: int

    @classmethod
    def of(cls, plan: Plan, case: Case) -> Relocation:
        """Take down what an old plan holds of the tables of a case."""
        facts = {(each.module, each.name): each for each in plan.tables}
        old: list[Holding | None] = []
        for table in case.workload.tables:
            known = facts.get((table.module, table.name))
            entry = plan.plan.get(table.module, {}).get(table.name)
            if known is None or entry is None or known.dim != table.dim:
                old.append(None)
            else:
                old.append(Holding.of(entry, known))
        return cls(case, tuple(old), plan.local_world_size)

    def moved_bytes(self, decisions: Sequence[Decision]) -> NDArray[np.int64]:
        """(n,): what each of some decisions, for tables that differ, moves."""
        found = np.zeros(len(decisions), dtype=np.int64)
        state = self.case.workload.training.state
        for some in self.in_parts(decisions):
            chosen = [decisions[number] for number in some.tolist()]
            table = np.array([each.table for each in chosen])
            new = Holdings.of_decisions(chosen, self.case)
            old, width = self.holdings.take(table), self._element_bytes[table]
            found[some] = old.moved_bytes(new, width, state)
        return found

    def stored_bytes(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64], table: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """(n,): weights and optimizer state of n rectangles of tables of the case."""
        state = self.case.workload.training.state
        return stored_bytes(rows, columns, self._element_bytes[table], state)

    def in_parts(
        self, decisions: Sequence[Decision], least_each: int = 0
    ) -> Iterator[NDArray[np.int64]]:
        """The numbers of decisions whose tables are known from the old plan, as many at a time as
        may lie side by side in memory; each counts ``least_each`` cells at least."""
        table = np.array([each.table for each in decisions], dtype=np.int64)
        held = self.holdings.counts[table]
        new = np.array([rectangles_of(each, self.case) for each in decisions], dtype=np.int64)
        known = np.flatnonzero(held)
        if not len(known):
            return
        cells = np.maximum(held * new + held + new, least_each)[known]
        part = np.cumsum(cells) // _CELLS_AT_ONCE
        yield from np.split(known, np.flatnonzero(np.diff(part)) + 1)

    @cached_property
    def holdings(self) -> Holdings:
        """``old`` side by side."""
        return Holdings.of(self.old)

    @cached_property
    def _element_bytes(self) -> NDArray[np.int64]:
        """(T,): of a weight."""
        return np.array([table.dtype.bytes for table in self.case.workload.tables], dtype=np.int64)

    def all_ordered(self, decisions: Sequence[Decision]) -> tuple[Decision, ...]:
        """Each as ``ordered`` has it."""
        return tuple(map(self.ordered, decisions))

    def ordered(self, decision: Decision) -> Decision:
        """The same decision with its column blocks dealt to its places so that little moves.

        Of all pairs of a block and a place, those that keep most come first.
        """
        old = self.old[decision.table]
        if old is None or len(set(decision.targets)) < 2:
            return decision
        kept = self._kept_by_block(decision, old)
        dealt = [-1] * len(decision.targets)
        free = list(decision.targets)
        for flat in np.argsort(-kept, axis=None, kind="stable").tolist():
            block, place = divmod(flat, kept.shape[1])
            if dealt[block] < 0 and place in free:
                dealt[block] = place
                free.remove(place)
        return replace(decision, targets=tuple(dealt))

    def moves(self, formulation: Formulation, limit_bytes: float) -> RelocationLimit:
        """What options move at least and at most, for the bound and for the search."""
        return RelocationLimit(
            limit_bytes=limit_bytes,
            least=self._least(formulation),
            most=self._most(formulation),
            count=lambda placement: self._count(formulation, placement),
            of_unit=lambda options: self._of_unit(formulation, options),
        )

    def _count(self, formulation: Formulation, placement: Placement) -> NDArray[np.float64]:
        """(I,): bytes that each item of a placement moves; of one without its targets nothing."""
        problem, items = formulation.problem, formulation.items
        is_spread = problem.shape[placement.option] != Shape.ALL
        wanted = np.where(is_spread, problem.units[placement.option], 0)
        is_placed = np.diff(placement.unit_offsets) == wanted
        found = np.zeros(problem.item_count)
        # Most tables lay whole on one device, and do so again.
        first = np.array([tables[0] for tables in items.tables])
        is_whole = (np.bincount(items.of_table) == 1) & is_placed & (self._alone_on[first] >= 0)
        is_whole &= (problem.shape[placement.option] == Shape.DEVICE) & (wanted == 1)
        item = np.flatnonzero(is_whole)
        table, target = first[item], placement.targets[placement.unit_offsets[item]]
        found[item] = np.where(self._alone_on[table] == target, 0, self._alone_bytes[table])
        others = formulation.decisions(placement, np.flatnonzero(is_placed & ~is_whole))
        moved = self.moved_bytes(self.all_ordered(others))
        np.add.at(found, items.of_table[[each.table for each in others]], moved)
        return found

    @cached_property
    def _alone_on(self) -> NDArray[np.int64]:
        """(T,): the rank that held a table whole, and nobody else any of it; -1 without one."""
        dims = [table.dim for table in self.case.workload.tables]
        return np.array(
            [
                int(old.rank[0]) if old is not None and old.is_one_piece(dim) else -1
                for old, dim in zip(self.old, dims, strict=True)
            ],
            dtype=np.int64,
        )

    @cached_property
    def _alone_bytes(self) -> NDArray[np.int64]:
        """(T,): what is stored of a table that lay so, as far as it was there then; else 0."""
        tables, state = self.case.workload.tables, self.case.workload.training.state
        then = [0 if old is None else int(old.end[:, 0].max(initial=0)) for old in self.old]
        rows = np.minimum(np.array(then), np.array([table.rows for table in tables]))
        dims = np.array([table.dim for table in tables])
        return stored_bytes(rows, dims, np.array([t.dtype.bytes for t in tables]), state)

    def _of_unit(self, formulation: Formulation, options: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n, D): what a unit of each of the problem's options (n,) moves onto each device."""
        found = np.zeros((len(options), self.case.topology.world_size))
        for number, rows in enumerate(formulation.members[options].tolist()):
            for row in rows:
                table = int(formulation.options.table[row])
                old = self.old[table] if row >= 0 else None
                if old is not None:
                    kind = formulation.options.sharding_type(row)
                    cuts = int(formulation.options.column_shards[row])
                    kernel = formulation.options.compute_kernel(row)
                    units = range(0 if kind.lands is Extent.WORLD else kind.units(cuts))
                    decision = Decision(
                        table, kind, kernel, cuts, tuple(units),
                        widths=formulation.widths(table, kind),
                    )  # fmt: skip
                    found[number] += moved_by_unit(decision, old, self.content(table), self.case)
        return found

    def _kept_by_block(self, decision: Decision, old: Holding) -> NDArray[np.int64]:
        """(blocks, places): columns times rows that each place holds of each column block."""
        cuts = decision.column_shards
        dim = self.case.workload.tables[decision.table].dim
        first, width = np.array(column_blocks(dim, cuts, decision.widths)).T
        columns = np.minimum(old.end[:, 1], (first + width)[:, None])
        columns = (columns - np.maximum(old.first[:, 1], first[:, None])).clip(min=0)
        cells = columns * (old.end[:, 0] - old.first[:, 0])
        place = old.rank // self.case.topology.world.devices_of(decision.sharding.lands)
        places = max(int(place.max(initial=0)), *decision.targets) + 1
        kept = np.zeros((cuts, places), dtype=np.int64)
        np.add.at(kept.T, place, cells.T)
        return kept

    def _most(self, formulation: Formulation) -> NDArray[np.float64]:
        """(O,): all that an option stores, over all devices; nothing of new tables."""
        options, tables = formulation.options, self.case.workload.tables
        replicated = options.has_type(lambda kind: kind.is_replicated)
        copies = np.where(replicated, self.case.topology.world_size, 1)
        is_old = np.array([old is not None for old in self.old], dtype=bool)[options.table]
        cuts = options.column_shards.astype(np.int64)
        rows = np.array([table.rows for table in tables])[options.table] * cuts
        columns = options.columns(np.array([table.dim for table in tables])[options.table])
        element_bytes = np.array([table.dtype.bytes for table in tables])[options.table]
        state = self.case.workload.training.state
        size = stored_bytes(rows, columns, element_bytes, state)
        return _per_item(formulation, np.where(is_old, size * copies, 0).astype(np.float64))

    def _least(self, formulation: Formulation) -> NDArray[np.float64]:
        """(O,): bytes of weights that lie elsewhere, wherever an option puts its units.

        Optimizer state is left out: how much of it moves depends on how the columns are cut.
        """
        options = formulation.options
        least = np.zeros(len(options))
        known = [(table, old) for table, old in enumerate(self.old) if old is not None]
        many = max(1, _CELLS_AT_ONCE // self.case.topology.world_size)
        for begin in range(0, len(known), many):
            tables, old = zip(*known[begin : begin + many], strict=True)
            stocks = Stocks.of(old, self.case, tables)
            # Options are in the order of their tables.
            first = np.searchsorted(options.table, tables[0])
            own = np.arange(first, np.searchsorted(options.table, tables[-1], side="right"))
            own = own[np.isin(options.table[own], tables)]
            stock = np.searchsorted(tables, options.table[own])
            least[own] = stocks.least_bytes(options.take(own), stock)
        return _per_item(formulation, least)

    def content(self, table: int) -> Content:
        """What is stored of a table."""
        workload = self.case.workload
        return Content(workload.tables[table].dtype, workload.training.state)


def _per_item(formulation: Formulation, of_option: NDArray[np.float64]) -> NDArray[np.float64]:
    """(options of the problem,): summed over the tables of an item."""
    members = formulation.members
    summed: NDArray[np.float64] = np.where(members >= 0, of_option[members], 0.0).sum(axis=1)
    return summed
