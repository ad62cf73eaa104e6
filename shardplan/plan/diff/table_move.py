"""One table under two plans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.diff.holding import Holding
from shardplan.plan.diff.moves import Content, Moves, moves_between
from shardplan.workload.labels import labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.plan import Plan
    from shardplan.plan.file.table_entry import TableEntry
    from shardplan.plan.file.table_facts import TableFacts
    from shardplan.workload.optimizers.optimizer_state import OptimizerState


@dataclass(frozen=True, slots=True)
class Layout:
    """How a plan has one table."""

    sharding_type: str
    compute_kernel: str
    ranks: tuple[int, ...]
    """Those that hold any part, each once, rising."""
    shard_count: int
    """0 where every rank holds the whole table."""
    replicated_rows: int = 0
    """The hottest rows that lie on every rank, beside its part of the others."""


@dataclass(frozen=True, slots=True)
class TableMove:
    """A table that two plans do not have alike."""

    name: str
    """With its module's before it where either plan has another table of that name."""
    module: str
    old: Layout | None
    """None for a new table, or one whose columns or module changed: it starts from nothing."""
    new: Layout | None
    """None for a table that was dropped."""
    within_node_bytes: int
    across_node_bytes: int
    """Devices that are gone count as another node."""
    tier_bytes: int
    """What stays on its rank, in another memory tier."""
    fetching_ranks: int
    """Ranks that fetch anything."""

    @property
    def moved_bytes(self) -> int:
        """All that passes from one rank to another."""
        return self.within_node_bytes + self.across_node_bytes


def table_moves(
    old: Plan, new: Plan, state: OptimizerState
) -> Iterator[tuple[TableMove, Moves | None]]:
    """Every table that the plans do not have alike, in the new plan's order, dropped ones last.

    With the moves behind it; None where a table is new or dropped.
    """
    before, after = _by_table(old), _by_table(new)
    keys = list(dict.fromkeys((*after, *before)))
    called = dict(zip(keys, labels(keys), strict=True))
    for key, (entry, facts) in after.items():
        known = before.get(key)
        if known is None or known[1].dim != facts.dim:
            yield _one_sided(key[0], called[key], None, entry), None
        elif _arrangement(*known) != _arrangement(entry, facts):
            content = Content(facts.dtype, state)
            moves = moves_between(
                Holding.of(*known), Holding.of(entry, facts), content, new.local_world_size
            )
            yield _moved(key[0], called[key], known[0], entry, moves, new), moves
    for key, (entry, _) in before.items():
        if key not in after:
            yield _one_sided(key[0], called[key], entry, None), None


def _by_table(plan: Plan) -> dict[tuple[str, str], tuple[TableEntry, TableFacts]]:
    """Module and name to entry and facts, in the order of the plan's tables."""
    return {
        (facts.module, facts.name): (entry, facts)
        for facts in plan.tables
        if (entry := plan.plan.get(facts.module, {}).get(facts.name)) is not None
    }


def _arrangement(entry: TableEntry, facts: TableFacts) -> tuple[object, ...]:
    """All by which plans can have a table differently, but for what a cost model says of it."""
    shards = [(s.shard_offsets, s.shard_sizes, s.placement) for s in entry.shards]
    kept = (entry.compute_kernel, entry.cache, entry.dynamic, entry.replicated_rows)
    return (facts.rows, facts.dtype, entry.sharding_type, *kept, entry.ranks, shards)


def _one_sided(module: str, name: str, old: TableEntry | None, new: TableEntry | None) -> TableMove:
    return TableMove(name, module, _layout(old), _layout(new), 0, 0, 0, 0)


def _moved(
    module: str, name: str, old: TableEntry, new: TableEntry, moves: Moves, plan: Plan
) -> TableMove:
    each = plan.local_world_size
    is_inside = moves.source // each == moves.target // each
    is_inside &= moves.source < plan.world_size
    return TableMove(
        name,
        module,
        _layout(old),
        _layout(new),
        within_node_bytes=int(moves.moved_bytes[is_inside].sum()),
        across_node_bytes=int(moves.moved_bytes[~is_inside].sum()),
        tier_bytes=int(moves.tier_bytes.sum()),
        fetching_ranks=len(np.unique(moves.target)),
    )


def _layout(entry: TableEntry | None) -> Layout | None:
    if entry is None:
        return None
    ranks = tuple(sorted(set(entry.ranks)))
    kinds = entry.sharding_type.name, entry.compute_kernel.name
    return Layout(*kinds, ranks, len(entry.shards), entry.replicated_rows or 0)
