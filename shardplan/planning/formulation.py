"""A problem and what it stands for: decisions of a placement, and the placement of decisions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options.cache_mix import cache_mix
from shardplan.plan.decision import Decision
from shardplan.plan.file.rounding import rounded_down
from shardplan.sharding.kernel import KERNELS
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.solve.problem.placement import Placement
from shardplan.solve.search.desk import Traits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from shardplan.options.dynamic_shares import PooledShares
    from shardplan.options.items import Items
    from shardplan.options.option_set import OptionSet
    from shardplan.sharding.kind import ShardingType
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
    pooled: PooledShares
    """The dynamic tables."""
    column_blocks: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """By table, the widths of its column shards where the spec says them."""

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

    def takes_whole_buckets(self, placement: Placement) -> bool:
        """Whether HBM holds less than the placement says, since it holds whole buckets of rows."""
        chosen = self.members[placement.option]
        part = self.options.has_kernel(lambda kernel: kernel.is_dynamic_part)
        return bool(part[chosen[chosen >= 0]].any())

    def decisions(
        self, placement: Placement, items: NDArray[np.int64] | None = None
    ) -> tuple[Decision, ...]:
        """What a placement decides for each table, in the order of tables; or for those of some
        ``items`` alone, by their numbers."""
        items = np.arange(len(placement.option)) if items is None else items
        rows = self.members[placement.option[items]]
        present = rows >= 0
        row, owner = rows[present], np.repeat(items, present.sum(axis=1))
        cached = self.options.has_kernel(lambda kernel: kernel.caches)[row]
        caches = dict(
            zip(
                np.flatnonzero(cached).tolist(), self._caches(placement, owner[cached]), strict=True
            )
        )
        caches |= self._buckets(placement, row, owner)
        places, edges = placement.targets.tolist(), placement.unit_offsets.tolist()
        of_row = zip(
            self.options.table[row].tolist(),
            self.options.sharding[row].tolist(),
            self.options.kernel[row].tolist(),
            self.options.column_shards[row].tolist(),
            self.options.hot_rows[row].tolist(),
            owner.tolist(),
            strict=True,
        )
        sharding, kernels = tuple(SHARDING_TYPES), tuple(KERNELS)
        found = [
            Decision(
                table,
                sharding[kind],
                kernels[kernel],
                column_shards,
                tuple(places[edges[item] : edges[item + 1]]),
                load_factor=caches.get(number, (None, 0.0))[0],
                ddr_load_factor=caches.get(number, (None, 0.0))[1],
                widths=self.widths(table, sharding[kind]),
                replicated_rows=hot_rows,
            )
            for number, (table, kind, kernel, column_shards, hot_rows, item) in enumerate(of_row)
        ]
        return tuple(sorted(found, key=lambda decision: decision.table))

    def widths(self, table: int, kind: ShardingType) -> tuple[int, ...]:
        """Columns of each of its column shards, where they are not all alike."""
        blocks = self.column_blocks.get(table, ()) if kind.cuts_columns else ()
        return blocks if len(set(blocks)) > 1 else ()

    def _caches(
        self, placement: Placement, items: NDArray[np.int64]
    ) -> Iterator[tuple[float, float]]:
        """Of some cached items, the shares of the rows in HBM, and in DDR above SSD.

        Rounded down, so that no tier overflows by it.
        """
        shares = np.column_stack([self.options.hbm_share, self.options.ddr_share])
        of_item = placement.of_items(self.problem, shares[self.members[:, 0]])
        for hbm, ddr in of_item[items].tolist():
            yield rounded_down(hbm), rounded_down(ddr)

    def _buckets(
        self, placement: Placement, row: NDArray[np.int64], owner: NDArray[np.int64]
    ) -> dict[int, tuple[float, float]]:
        """By position in ``row``, the shares of the rows of dynamic tables in HBM and on the host.

        ``owner`` (n,) has the item of each of the rows (n,) of ``options``.
        """
        part = self.options.has_kernel(lambda kernel: kernel.is_dynamic_part)[row]
        position = {int(self.options.table[row[at]]): at for at in np.flatnonzero(part).tolist()}
        found: dict[int, tuple[float, float]] = {}
        for container in self.pooled.containers:
            if container.tables[0] not in position:
                continue
            numbers = [position[table] for table in container.tables]
            item = int(owner[numbers[0]])
            first, end = self.problem.option_offsets[item : item + 2].tolist()
            mix = placement.mix_of(item, first, end)
            tables = self.items.tables[item]
            columns = [tables.index(table) for table in container.tables]
            kernel = self.options.compute_kernel(int(row[numbers[0]]))
            hbm_bytes = sum(
                float(mix[at]) * container.varying_bytes(kernel, self._shares(first + at, columns))
                for at in np.flatnonzero(mix).tolist()
            )
            share = container.fitting_share(kernel, hbm_bytes)
            found |= dict(zip(numbers, container.shares_of(kernel, share), strict=True))
        return found

    def _shares(self, option: int, columns: Sequence[int]) -> list[tuple[float, float]]:
        """Of some tables of an option's item, the shares of the rows in HBM and on the host."""
        rows = self.members[option, list(columns)]
        return [*zip(self.options.hbm_share[rows], self.options.ddr_share[rows], strict=True)]

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
        item_of = self.items.of_table
        for table, option in self._plain_options(decisions).items():
            item = int(item_of[table])
            weights[self.problem.option_offsets[item]] = 0.0
            weights[option], is_placed[item] = 1.0, True
            targets[item] = np.array(by_table[table].targets, dtype=np.int64)
        for item in np.flatnonzero(~is_placed).tolist():
            tables = self.items.tables[item]
            wanted = [by_table[table] for table in tables if table in by_table]
            places = {tuple(sorted(decision.targets)) for decision in wanted}
            found = self._mix(item, wanted) if len(wanted) == len(tables) else None
            if found is not None and len(places) == 1:
                first, end = self.problem.option_offsets[item : item + 2]
                weights[first:end], is_placed[item] = found, True
                targets[item] = np.array(places.pop(), dtype=np.int64)
        return Placement.mixed(self.problem, weights, targets), is_placed

    def _plain_options(self, decisions: Sequence[Decision]) -> dict[int, int]:
        """By table, the only option that a decision stands for: of tables that are placed alone and
        have no cache."""
        tables, alone = len(self.items.of_table), np.bincount(self.items.of_table) == 1
        own = [each for each in decisions if not each.kernel.caches]
        wanted = np.full((tables, 4), -1)
        wanted[[each.table for each in own]] = np.column_stack(
            [
                SHARDING_TYPES.codes([each.sharding for each in own]),
                KERNELS.codes([each.kernel for each in own]),
                np.array([each.column_shards for each in own], dtype=np.int64),
                np.array([each.replicated_rows for each in own], dtype=np.int64),
            ]
        )
        row = self.members[:, 0]
        table = self.options.table[row]
        is_same = alone[self.items.of_table[table]]
        for column, part in enumerate(("sharding", "kernel", "column_shards", "hot_rows")):
            is_same &= getattr(self.options, part)[row] == wanted[table, column]
        option = np.flatnonzero(is_same)
        return dict(zip(table[option].tolist(), option.tolist(), strict=True))

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
            is_same &= self.options.hot_rows[row] == decision.replicated_rows
        if not is_same.any():
            return None
        mix = np.zeros(end - first)
        alike = rows[is_same]
        # Of dynamic tables, the one that tells most sizes apart.
        sizes = [len(np.unique(self.options.hbm_share[column])) for column in alike.T]
        position = int(np.argmax(sizes))
        found, size = alike[:, position], decisions[position]
        hbm, ddr = self.options.hbm_share[found], self.options.ddr_share[found]
        if size.kernel.is_dynamic:
            ddr = np.zeros(len(hbm))
            size = replace(size, ddr_load_factor=0.0)
        mix[is_same] = cache_mix(hbm, ddr, size.load_factor or 0.0, size.ddr_load_factor)
        if not self.problem.mixable[first:end][is_same].all():
            mix = (np.arange(len(mix)) == mix.argmax()).astype(np.float64)
        return mix
