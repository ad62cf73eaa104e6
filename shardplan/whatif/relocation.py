"""What the tables of a case would have to move to follow an old plan."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.decision import Decision
from shardplan.plan.diff.holding import Holding
from shardplan.plan.diff.moves import Content, moves_between
from shardplan.plan.diff.unit_moves import moved_by_unit
from shardplan.sharding.world import Extent
from shardplan.solve.portfolio.limited_relocation import RelocationLimit
from shardplan.solve.problem.problem import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.planning.formulation import Formulation
    from shardplan.sharding.kind import ShardingType
    from shardplan.solve.problem.placement import Placement


@dataclass(frozen=True)
class Relocation:
    """The tables of a case, with what each rank held of them under an old plan."""

    case: Case
    old: tuple[Holding | None, ...]
    """Per table; None for one that the old plan does not have, or with other columns."""
    _known: dict[Decision, int] = field(default_factory=dict)
    """What decisions move, once counted."""

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
        return cls(case, tuple(old))

    def bytes_of(self, decision: Decision) -> int:
        """What one table moves under a decision."""
        old = self.old[decision.table]
        if old is None:
            return 0
        if decision not in self._known:
            new = Holding.of_decision(decision, self.case)
            content, each = self.content(decision.table), self.case.topology.devices_per_node
            self._known[decision] = moves_between(old, new, content, each).total_bytes
        return self._known[decision]

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

    def decisions(self, formulation: Formulation, placement: Placement) -> tuple[Decision, ...]:
        """What a placement decides, its column blocks in the order that moves little."""
        return tuple(map(self.ordered, formulation.decisions(placement)))

    def _count(self, formulation: Formulation, placement: Placement) -> NDArray[np.float64]:
        """(I,): bytes that each item of a placement moves; of one without its targets nothing."""
        problem = formulation.problem
        is_spread = problem.shape[placement.option] != Shape.ALL
        wanted = np.where(is_spread, problem.units[placement.option], 0)
        is_placed = np.diff(placement.unit_offsets) == wanted
        found = np.zeros(problem.item_count)
        for decision in formulation.decisions(placement):
            item = formulation.items.of_table[decision.table]
            if is_placed[item]:
                found[item] += self.bytes_of(self.ordered(decision))
        return found

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
                    decision = Decision(table, kind, kernel, cuts, tuple(units))
                    found[number] += moved_by_unit(decision, old, self.content(table), self.case)
        return found

    def _kept_by_block(self, decision: Decision, old: Holding) -> NDArray[np.int64]:
        """(blocks, places): columns times rows that each place holds of each column block."""
        cuts = decision.column_shards
        width = self.case.workload.tables[decision.table].dim // cuts
        first = np.arange(cuts) * width
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
        cuts = options.column_shards.astype(np.int64)
        rows = np.array([table.rows for table in tables])[options.table] * cuts
        columns = np.array([table.dim for table in tables])[options.table] // cuts
        shape = np.stack([rows, columns], axis=1)
        size = np.zeros(len(options))
        for table, old in enumerate(self.old):
            if old is not None:
                own = np.flatnonzero(options.table == table)
                size[own] = self.content(table).bytes_of(shape[own])
        return _per_item(formulation, size * copies)

    def _least(self, formulation: Formulation) -> NDArray[np.float64]:
        """(O,): bytes of weights that lie elsewhere, wherever an option puts its units.

        Optimizer state is left out: how much of it moves depends on how the columns are cut.
        """
        options = formulation.options
        least = np.zeros(len(options))
        for table, old in enumerate(self.old):
            if old is not None:
                stock = _Stock.of(old, self.case, table)
                for row in np.flatnonzero(options.table == table).tolist():
                    kind = options.sharding_type(row)
                    least[row] = stock.least_bytes(kind, int(options.column_shards[row]))
        return _per_item(formulation, least)

    def content(self, table: int) -> Content:
        """What is stored of a table."""
        workload = self.case.workload
        return Content(workload.tables[table].dtype, workload.training.optimizer)


@dataclass(frozen=True, slots=True)
class _Stock:
    """Weights of one table that devices held, in bytes."""

    whole: float
    """Of the rows that the table has now and had then."""
    block: float
    """Of one row-wise block of today."""
    held: NDArray[np.float64]
    """(W,): never more than ``whole``."""
    on_devices: NDArray[np.float64]
    on_nodes: NDArray[np.float64]
    """What the best devices, or nodes, hold together: of one, of two, ..."""

    @classmethod
    def of(cls, old: Holding, case: Case, table: int) -> _Stock:
        now, topology = case.workload.tables[table], case.topology
        width = now.dtype.bytes
        common = min(int(old.end[:, 0].max(initial=0)), now.rows)
        end = np.minimum(old.end[:, 0], common)
        cells = (end - old.first[:, 0]).clip(min=0) * (old.end[:, 1] - old.first[:, 1])
        present = old.rank < topology.world_size
        sizes = cells[present].astype(np.float64) * width
        held = np.zeros(topology.world_size)
        np.add.at(held, old.rank[present], sizes)
        by_node = held.reshape(topology.nodes, -1).sum(axis=1)
        return cls(
            whole=float(common * now.dim * width),
            block=float(-(-now.rows // topology.world_size) * now.dim * width),
            held=held,
            on_devices=np.cumsum(np.sort(held)[::-1]),
            on_nodes=np.cumsum(np.sort(by_node)[::-1]),
        )

    def least_bytes(self, sharding: ShardingType, cuts: int) -> float:
        """What no way to place an option can keep where it is."""
        if sharding.is_replicated:
            return float((self.whole - self.held).sum())
        if sharding.lands is Extent.WORLD:
            return max(self.whole - float(np.minimum(self.held, self.block).sum()), 0.0)
        best = self.on_devices if sharding.lands is Extent.DEVICE else self.on_nodes
        count = min(sharding.units(cuts), len(best))
        return max(self.whole - float(best[count - 1]), 0.0)


def _per_item(formulation: Formulation, of_option: NDArray[np.float64]) -> NDArray[np.float64]:
    """(options of the problem,): summed over the tables of an item."""
    members = formulation.members
    summed: NDArray[np.float64] = np.where(members >= 0, of_option[members], 0.0).sum(axis=1)
    return summed
