"""A problem and what it stands for: decisions of a placement, and the placement of decisions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options.cache_mix import cache_mix
from shardplan.plan.decision import Decision
from shardplan.plan.file.rounding import rounded_down
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.solve.problem.placement import Placement
from shardplan.solve.search.tidy import Traits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.options.items import Items
    from shardplan.options.option_set import OptionSet
    from shardplan.solve.problem.problem import Problem


@dataclass(frozen=True)
class Formulation:
    """A problem, and what its items and options stand for."""

    problem: Problem
    options: OptionSet
    items: Items
    members: NDArray[np.int64]
    """(options of the problem, most tables of an item): rows of ``options``, -1 for none."""
    charge_names: tuple[str, ...]
    """What each group is called that the problem charges for."""

    @property
    def traits(self) -> Traits:
        """What the problem's options have in common, beyond what they cost."""
        first, present = self.members[:, 0], self.members >= 0
        bits = np.left_shift(1, self.options.kernel.astype(np.int64))[self.members]
        replicated = self.options.has_type(lambda kind: kind.is_replicated)[first]
        shards = self.problem.units * self.problem.width
        return Traits(
            np.bitwise_or.reduce(np.where(present, bits, 0), axis=1),
            self.options.sharding[first].astype(np.int64),
            np.where(replicated, 0, shards),
        )

    def decisions(self, placement: Placement) -> tuple[Decision, ...]:
        """What a placement decides for each table, in the order of tables."""
        found = []
        hbm_share, ddr_share = self._item_shares(placement)
        for item, chosen in enumerate(placement.option.tolist()):
            targets = tuple(placement.targets_of(item).tolist())
            rows = self.members[chosen]
            cache = hbm_share[item], ddr_share[item]
            found += [self._decision(row, targets, *cache) for row in rows[rows >= 0].tolist()]
        return tuple(sorted(found, key=lambda decision: decision.table))

    def _item_shares(self, placement: Placement) -> tuple[list[float], list[float]]:
        """(I,) each: of cached items, the shares of the rows in HBM, and in DDR above SSD.

        Rounded down, so that no tier overflows by it.
        """
        shares = np.column_stack([self.options.hbm_share, self.options.ddr_share])
        of_item = placement.of_items(self.problem, shares[self.members[:, 0]])
        hbm, ddr = ([rounded_down(share) for share in tier.tolist()] for tier in of_item.T)
        return hbm, ddr

    def _decision(
        self, row: int, targets: tuple[int, ...], hbm_share: float, ddr_share: float
    ) -> Decision:
        """What one option, placed so, decides for its table."""
        options, kernel = self.options, self.options.compute_kernel(row)
        is_cached = kernel.caches
        return Decision(
            int(options.table[row]),
            options.sharding_type(row),
            kernel,
            int(options.column_shards[row]),
            targets,
            hbm_share if is_cached else None,
            ddr_share if is_cached else 0.0,
        )

    def placement(self, decisions: Sequence[Decision]) -> tuple[Placement, NDArray[np.bool_]]:
        """The placement that stands for decisions, and (items,) which items they place.

        An item is not placed where a table of it has no decision, or one that is no option here, or
        where its tables lie on different devices; it has its first option then, and no targets.
        Caches are as large as decided where options can be mixed, else of the nearest size.
        """
        by_table = {decision.table: decision for decision in decisions}
        weights = np.zeros(self.problem.option_count)
        weights[self.problem.option_offsets[:-1]] = 1.0
        targets = [np.zeros(0, np.int64)] * len(self.items.tables)
        is_placed = np.zeros(len(self.items.tables), dtype=bool)
        for item, tables in enumerate(self.items.tables):
            wanted = [by_table[table] for table in tables if table in by_table]
            places = {tuple(sorted(decision.targets)) for decision in wanted}
            found = self._mix(item, wanted) if len(wanted) == len(tables) else None
            if found is not None and len(places) == 1:
                first, end = self.problem.option_offsets[item : item + 2]
                weights[first:end], is_placed[item] = found, True
                targets[item] = np.array(places.pop(), dtype=np.int64)
        return Placement.mixed(self.problem, weights, targets), is_placed

    def _mix(self, item: int, decisions: Sequence[Decision]) -> NDArray[np.float64] | None:
        """How much of each option of an item its tables' decisions, in order, make up."""
        first, end = self.problem.option_offsets[item : item + 2].tolist()
        rows = self.members[first:end, : len(decisions)]
        is_same = np.ones(len(rows), dtype=bool)
        for position, decision in enumerate(decisions):
            row = rows[:, position]
            is_same &= self.options.sharding[row] == SHARDING_TYPES.index(decision.sharding)
            is_same &= self.options.kernel[row] == KERNELS.index(decision.kernel)
            is_same &= self.options.column_shards[row] == decision.column_shards
        if not is_same.any():
            return None
        mix = np.zeros(end - first)
        found, size = rows[is_same, 0], decisions[0]
        hbm, ddr = self.options.hbm_share[found], self.options.ddr_share[found]
        mix[is_same] = cache_mix(hbm, ddr, size.load_factor or 0.0, size.ddr_load_factor)
        if not self.problem.mixable[first:end][is_same].all():
            mix = (np.arange(len(mix)) == mix.argmax()).astype(np.float64)
        return mix
