"""Hot rows between the ranks that own them and the copies on all ranks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from shardplan.executor.exchange.mesh import Mesh
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
        for copy, shard, place, row in self._owned():
            for field, values in copy.fields.items():
                shard[field][row] = values[place]

    def fetch(self) -> None:
        """Read the copies from the shards that own the rows; a collective."""
        copies = self._replicated.hot_parts
        if not copies:
            return
        numbers = [field.numel() for copy in copies for field in copy.fields.values()]
        flat = torch.zeros(sum(numbers), device=self._mesh.device)
        parts = iter(flat.split(numbers))
        found = {copy.table.name: dict(zip(copy.fields, parts, strict=False)) for copy in copies}
        for copy, shard, place, row in self._owned():
            for field, values in copy.fields.items():
                there = found[copy.table.name][field].view(values.shape)
                there[place] = shard[field][row].to(there)
        # Each row has one owner, and the others add zeros.
        self._mesh.all.all_reduce(flat, _WHAT)
        for copy in copies:
            for field, values in copy.fields.items():
                values.copy_(found[copy.table.name][field].view(values.shape))

    def _owned(self) -> Iterator[tuple[Replica, dict[str, Tensor], Tensor, Tensor]]:
        """Of each table the copy, the fields of a shard here, and which of the copies' rows lie in
        which of its rows."""
        copies = {copy.table.name: copy for copy in self._replicated.hot_parts}
        for group in self._groups if copies else ():
            for held, fields in group.shards():
                if (copy := copies.get(held.table.name)) is None:
                    continue
                row = torch.as_tensor(copy.table.hot_ids) - held.shard.row_offset
                place = ((row >= 0) & (row < held.shard.rows)).nonzero().view(-1)
                here = fields[next(iter(fields))].device
                yield copy, fields, place.to(here), row[place].to(here)
