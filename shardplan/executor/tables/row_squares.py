"""Row-wise Adagrad over column shards: each row's sum of squares, completed over its columns."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.planned.module_layout import HeldShard, ModuleLayout
    from shardplan.executor.tables.row_gradients import RowGradients
    from shardplan.executor.tables.shard_group import ShardGroup
    from shardplan.executor.tensors.tensor import Tensor

_WHAT = "the exchange of squared gradients"
_Block = tuple[str, int]
"""A table and a row block of it: its column shards see the same ids, so the same distinct rows."""


class RowSquares:
    """Who sends whom the squares of which rows.

    Column shards of one row block have the same distinct rows in the same order, so that nothing
    but the sums travels, 4 bytes a row, and every shard adds them in the order of columns.
    """

    def __init__(self, layout: ModuleLayout, mesh: Mesh) -> None:
        self._mesh = mesh
        self._held = [
            [held for group in groups for held in group.shards] for groups in layout.groups
        ]
        self._holders = _holders(self._held)
        mine = {_block(held) for held in self._held[mesh.rank]}
        self._shared = [
            [held for held in shards if rank != mesh.rank and _block(held) in mine]
            for rank, shards in enumerate(self._held)
        ]
        """Of each other rank, the shards whose squares this rank needs."""
        self._is_shared = any(len(ranks) > 1 for ranks in self._holders.values())
        blocks = [_block(held) for shards in self._held for held in shards]
        self.is_needed = len(set(blocks)) < len(blocks)
        """Whether any table is cut into columns, on whatever ranks."""

    def complete(
        self, groups: Sequence[ShardGroup], gradients: Sequence[RowGradients]
    ) -> list[Tensor]:
        """Of each group (U,) fp32: squares summed over all columns of the table."""
        partial = [each.squares() for each in gradients]
        parts = [group.part_of(g.rows) for group, g in zip(groups, gradients, strict=True)]
        own: dict[tuple[_Block, int], Tensor] = {}
        for group, cuts, squares in zip(groups, parts, partial, strict=True):
            for held, cut in zip(group.layout.shards, cuts, strict=True):
                own[_block(held), held.shard.column_offset] = squares[cut]
        everyone = own | self._received(own)
        columns = sorted(everyone, key=lambda key: key[1])
        total: dict[_Block, Tensor] = {}
        for block, column in columns:
            squares = everyone[block, column]
            total[block] = total[block] + squares if block in total else squares
        return [
            torch.cat([total[_block(held)] for held in group.layout.shards]) for group in groups
        ]

    def _received(self, own: dict[tuple[_Block, int], Tensor]) -> dict[tuple[_Block, int], Tensor]:
        """The squares of column shards that other ranks hold."""
        if not self._is_shared:
            return {}
        rows = {block: squares.numel() for (block, _), squares in own.items()}
        rank, ranks = self._mesh.rank, range(self._mesh.world_size)
        send = [
            [
                own[_block(held), held.shard.column_offset]
                for held in self._held[rank]
                if other != rank and other in self._holders[_block(held)]
            ]
            for other in ranks
        ]
        receive = [[rows[_block(held)] for held in self._shared[other]] for other in ranks]
        flat = [squares for each in send for squares in each]
        buffer = torch.cat(flat) if flat else torch.empty(0, dtype=torch.float32)
        got = self._mesh.all.all_to_all(
            buffer.to(self._mesh.device),
            [sum(squares.numel() for squares in each) for each in send],
            [sum(each) for each in receive],
            _WHAT,
        ).wait()
        keys = [(_block(h), h.shard.column_offset) for other in ranks for h in self._shared[other]]
        sizes = [size for each in receive for size in each]
        return dict(zip(keys, got.split(sizes), strict=True)) if sizes else {}


def _block(held: HeldShard) -> _Block:
    return held.table.name, held.row_block


def _holders(held: Sequence[Sequence[HeldShard]]) -> dict[_Block, set[int]]:
    """The ranks that hold columns of each row block."""
    found: dict[_Block, set[int]] = defaultdict(set)
    for rank, shards in enumerate(held):
        for each in shards:
            found[_block(each)].add(rank)
    return found
