"""Blocks of rows that most ids of a collection without pooling fall on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.explain.advice.rule import Rule, Warned
from shardplan.explain.words import words
from shardplan.options import limits
from shardplan.sharding.kind import ShardingType
from shardplan.workload.block_reads import BlockReads
from shardplan.workload.labels import spoken
from shardplan.workload.row_reads import row_distributions, unique_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.workload.table import Table

_WORTH_TELLING = 2.0
"""Times an even share of the ids."""


class HotBlock(Rule):
    """Says that one device serves most ids, and of which row they are.

    Where an output is sent for each id, the others wait until it has sent all of them.
    """

    def of_case(self, case: Case) -> Iterator[Warned]:
        """Of the collections whose tables the constraints let be cut by rows."""
        for block in _hot_blocks(case, _may_cut_rows(case)):
            index = case.workload.tables.index(block.table)
            key = "ids" if block.table.padding is None else "padding"
            yield Warned("hot_block", (key,), f"{block}{block.question}", block.remedy, index)

    def of_plan(self, plan: Plan, case: Case) -> Iterator[str]:
        """Of the collections whose tables the plan cuts by rows."""
        tables = [
            table
            for table in case.workload.tables
            if plan.plan[table.module][table.name].sharding_type is ShardingType.ROW_WISE
        ]
        for block in _hot_blocks(case, tables):
            yield f"{block}{block.question}; {block.remedy}"


@dataclass(frozen=True, slots=True)
class _HotBlock:
    """The block of rows of a collection that draws most of its ids."""

    number: int
    blocks: int
    share: float
    """Of the ids of all tables of the collection that are cut by rows."""
    table: Table
    """That most of them read."""
    padded: tuple[Table, ...]
    """The tables whose padding is among them."""
    padding_share: float
    """Of the same ids, those that are padding, in this block."""

    def __str__(self) -> str:
        where = "the first" if not self.number else f"number {self.number + 1}"
        found = (
            f"{words.percent(self.share)} of the ids of {spoken(self.table.module)} fall on "
            f"{where} of {self.blocks} blocks of rows"
        )
        if not self.padded:
            return f"{found}, most of them of {self.table.name}"
        ids = sorted({padding.id for table in self.padded if (padding := table.padding)})
        names = words.name_some([table.name for table in self.padded])
        return (
            f"{found}, {words.percent(self.padding_share)} on padding: id "
            f"{', '.join(map(str, ids))} of {names}"
        )

    @property
    def question(self) -> str:
        """What only the author of the spec can know."""
        return "" if self.padded else ": is one of them padding?"

    @property
    def remedy(self) -> str:
        """What would level the blocks."""
        levels = "dedup: true of the module sends each id of a device once"
        if not self.padded:
            return f"if one is, say padding: {{id, share}}, and do not look it up; {levels}"
        return f"lists that are not padded do not look it up; {levels}"


def _hot_blocks(case: Case, tables: Sequence[Table]) -> Iterator[_HotBlock]:
    """The worst block of each collection without pooling, where it is worth telling."""
    modules: dict[str, list[Table]] = {}
    for table in tables:
        if not table.collection.is_pooled and table.pooling:
            modules.setdefault(table.module, []).append(table)
    for members in modules.values():
        if any(table.is_uneven for table in members):
            yield from _of_module(case, members)


def _of_module(case: Case, tables: Sequence[Table]) -> Iterator[_HotBlock]:
    """Counted are ids as they travel: where they are made distinct, each once a device."""
    blocks = case.topology.world_size
    samples = case.workload.global_batch / blocks
    sent = np.array(
        [
            _sent(BlockReads(table, whole, blocks), samples)
            for table, whole in zip(tables, row_distributions(tables), strict=True)
        ]
    )
    total, number = float(sent.sum()), int(sent.sum(axis=0).argmax())
    share = float(sent[:, number].sum()) / total
    if blocks < 2 or share * blocks <= _WORTH_TELLING:
        return
    padded = {
        table: samples * table.ids_per_sample * padding.share
        for table in tables
        if (padding := table.padding) is not None
        and not table.collection.dedup
        and padding.id // -(-table.rows // blocks) == number
    }
    busiest = tables[int(sent[:, number].argmax())]
    yield _HotBlock(number, blocks, share, busiest, tuple(padded), sum(padded.values()) / total)


def _sent(reads: BlockReads, samples: float) -> NDArray[np.float64]:
    """(blocks,): ids of a device that each block is sent."""
    found = [reads.of(number) for number in range(reads.blocks)]
    ids = samples * reads.table.ids_per_sample
    draws = np.array([ids * each.share for each in found])
    if reads.table.collection.dedup:
        draws = unique_rows([each.distribution for each in found], draws)
    sent: NDArray[np.float64] = draws / [each.parts for each in found]
    return sent


def _may_cut_rows(case: Case) -> list[Table]:
    """The tables that constraints let be row-wise."""
    barred = {
        table
        for constraint in case.constraints
        if constraint.sharding is not None and ShardingType.ROW_WISE not in constraint.sharding
        for table in constraint.tables
    }
    return [
        table
        for index, table in enumerate(case.workload.tables)
        if index not in barred and not limits.type_fault(ShardingType.ROW_WISE, table)
    ]
