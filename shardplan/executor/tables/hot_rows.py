"""Hot rows between the ranks that own them and the copies on all ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shardplan.executor.tables.update_rule import ROW_SUM

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.planned.module_layout import HeldShard
    from shardplan.executor.planned.planned_table import PlannedShard
    from shardplan.executor.tables.replicated_tables import Replica, ReplicatedTables
    from shardplan.executor.tables.shard_group import ShardGroup
    from shardplan.executor.tensors.tensor import Tensor

_WHAT = "the copies of hot rows"


class HotRows:
    """The copies are trained; the rows in the shards are as they were last settled."""

    def __init__(
        self, groups: Sequence[ShardGroup], replicated: ReplicatedTables, mesh: Mesh
    ) -> None:
        """``groups`` are this rank's."""
        self._groups = groups
        self._replicated = replicated
        self._mesh = mesh

    def settle(self) -> None:
        """Write the copies to the shards that own the rows: each rank its own."""
        for copy, held, fields, place, row in self._owned():
            for field, values in copy.fields.items():
                fields[field][row] = values[place][:, _columns(field, held.shard)]

    def fetch(self) -> None:
        """Read the copies from the shards that own the rows; a collective."""
        copies = self._replicated.hot_parts
        if not copies:
            return
        numbers = [field.numel() for copy in copies for field in copy.fields.values()]
        flat = torch.zeros(sum(numbers), device=self._mesh.device)
        parts = iter(flat.split(numbers))
        found = {copy.table.name: dict(zip(copy.fields, parts, strict=False)) for copy in copies}
        for copy, held, fields, place, row in self._owned():
            for field, values in copy.fields.items():
                if field == ROW_SUM and held.shard.column_offset:
                    continue  # Every column shard keeps it; that of the first is taken.
                there = found[copy.table.name][field].view(values.shape)
                there[place, _columns(field, held.shard)] = fields[field][row].to(there)
        # Each number has one owner, and the others add zeros.
        self._mesh.all.all_reduce(flat, _WHAT)
        for copy in copies:
            for field, values in copy.fields.items():
                values.copy_(found[copy.table.name][field].view(values.shape))

    def _owned(self) -> Iterator[tuple[Replica, HeldShard, dict[str, Tensor], Tensor, Tensor]]:
        """Of each table the copy, a shard here with its fields, and which of the copies' rows lie
        in which of its rows."""
        copies = {copy.table.name: copy for copy in self._replicated.hot_parts}
        for group in self._groups if copies else ():
            for held, fields in group.shards():
                if (copy := copies.get(held.table.name)) is None:
                    continue
                row = torch.as_tensor(copy.table.hot_ids) - held.shard.row_offset
                place = ((row >= 0) & (row < held.shard.rows)).nonzero().view(-1)
                here = fields[next(iter(fields))].device
                yield copy, held, fields, place.to(here), row[place].to(here)


def _columns(field: str, shard: PlannedShard) -> slice:
    """Of a copy those that a shard has; numbers of whole rows are a column of their own."""
    if field == ROW_SUM:
        return slice(None)
    return slice(shard.column_offset, shard.column_offset + shard.columns)
