"""What of a job's tables goes into a checkpoint, under which names."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Protocol

import torch

from shardplan.executor.checkpoint.table_chunks import Chunk, TableChunks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shardplan.executor.planned.module_layout import ModuleLayout
    from shardplan.executor.tables.replicated_tables import ReplicatedTables
    from shardplan.executor.tables.shard_group import ShardGroup
    from shardplan.executor.tensors.tensor import Tensor


class ModuleTables(Protocol):
    """The tables of one module, as far as this rank holds them."""

    steps: int
    """Updates so far."""

    @property
    def layout(self) -> ModuleLayout:
        """All of the module's tables."""

    @property
    def groups(self) -> Sequence[ShardGroup]:
        """The shards of this rank."""

    @property
    def replicated(self) -> ReplicatedTables:
        """The data-parallel tables."""


def state_of(modules: Mapping[str, ModuleTables], dense: Mapping[str, Tensor]) -> dict[str, Any]:
    """By name, tensors and TableChunks of this rank; reading a checkpoint fills them in place."""
    state: dict[str, Any] = {f"dense/{name}": tensor for name, tensor in dense.items()}
    for module, tables in modules.items():
        state[_steps(module)] = torch.tensor([tables.steps])
        for name, chunks in _chunks(tables).items():
            state[f"{module}/{name}"] = chunks
    return state


def take_state(modules: Mapping[str, ModuleTables], state: Mapping[str, Any]) -> None:
    """Go on from a state that was read: its rows are in place, and no cache may hold older ones."""
    for module, tables in modules.items():
        tables.steps = int(state[_steps(module)][0])
        for group in tables.groups:
            group.weights.forget()


def _steps(module: str) -> str:
    return f"{module}/steps"


def _chunks(module: ModuleTables) -> dict[str, TableChunks]:
    """By table and field, what this rank holds."""
    found: dict[tuple[str, str], list[Chunk]] = defaultdict(list)
    for group in module.groups:
        for held, fields in group.shards():
            for field, values in fields.items():
                shard = held.shard
                per_row = field == "row_sum"
                column = 0 if per_row else shard.column_offset
                # Every column shard keeps the number of its rows; the first one's is written.
                is_copy = per_row and shard.column_offset > 0
                chunk = Chunk((shard.row_offset, column), values, is_copy)
                found[held.table.name, field].append(chunk)
    for replica in module.replicated.replicas:
        for field, values in replica.fields.items():
            found[replica.table.name, field].append(Chunk((0, 0), values))
    tables = {table.name: table for table in module.layout.tables}
    return {
        f"{name}/{field}": TableChunks(
            (tables[name].rows, 1 if field == "row_sum" else tables[name].dim),
            chunks[0].values.dtype,
            chunks,
        )
        for (name, field), chunks in found.items()
    }
