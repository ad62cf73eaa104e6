"""What of a job's tables goes into a checkpoint, under which names."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

import torch

from shardplan.executor.checkpoint.held_tensor import Chunk, HeldTensor, whole
from shardplan.executor.checkpoint.unsent_rows import UnsentRows
from shardplan.executor.tables.update_rule import ROW_SUM

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.planned.module_layout import ModuleLayout
    from shardplan.executor.planned.planned_table import PlannedTable
    from shardplan.executor.tables.hot_rows import HotRows
    from shardplan.executor.tables.replicated_tables import ReplicatedTables
    from shardplan.executor.tables.shard_group import ShardGroup
    from shardplan.executor.tensors.tensor import Tensor

DENSE = "dense/"
"""What names of dense tensors begin with."""


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

    @property
    def hot_rows(self) -> HotRows:
        """What of them lies on all ranks besides."""


def state_of(
    modules: Mapping[str, ModuleTables], dense: Mapping[str, Tensor], mesh: Mesh
) -> dict[str, HeldTensor]:
    """By name, what this rank holds; reading a checkpoint fills it in place."""
    state = {DENSE + name: whole(tensor, mesh.rank > 0) for name, tensor in dense.items()}
    for module, tables in modules.items():
        tables.hot_rows.settle()
        state[_steps(module)] = whole(torch.tensor([tables.steps]), mesh.rank > 0)
        for name, tensor in _held(tables, mesh).items():
            state[f"{module}/{name}"] = tensor
    return state


def unsent_of(modules: Mapping[str, ModuleTables], mesh: Mesh) -> list[UnsentRows]:
    """What this rank has not sent of its replicated tables; none where sums are exact."""
    return [
        _unsent(module, table, rest, tables.layout, mesh.rank)
        for module, tables in modules.items()
        for table, rest in tables.replicated.rests
    ]


def take_state(modules: Mapping[str, ModuleTables], state: Mapping[str, HeldTensor]) -> None:
    """Go on from a state that was read: its rows are in place, and no cache may hold older ones.

    A collective where tables keep hot rows.
    """
    for module, tables in modules.items():
        tables.steps = int(state[_steps(module)].chunks[0].values[0])
        for group in tables.groups:
            group.weights.forget()
        tables.hot_rows.fetch()


def _steps(module: str) -> str:
    return f"{module}/steps"


def _unsent(
    module: str, table: PlannedTable, rest: Tensor, layout: ModuleLayout, rank: int
) -> UnsentRows:
    rows = next(each.rows for each in layout.tables if each.name == table.name)
    ids = torch.as_tensor(table.hot_ids) if table.is_hot_part else None
    return UnsentRows(f"{module}/{table.name}", rank, rows, ids, rest)


def _held(module: ModuleTables, mesh: Mesh) -> dict[str, HeldTensor]:
    """By table and field, what this rank holds."""
    found: dict[tuple[str, str], list[Chunk]] = defaultdict(list)
    for group in module.groups:
        for held, fields in group.shards():
            for field, values in fields.items():
                shard = held.shard
                per_row = field == ROW_SUM
                column = 0 if per_row else shard.column_offset
                # Every column shard keeps the number of its rows; the first one's is written.
                is_copy = per_row and shard.column_offset > 0
                chunk = Chunk((shard.row_offset, column), values, is_copy)
                found[held.table.name, field].append(chunk)
    for place, replica in enumerate(module.replicated.replicas):
        # All ranks hold the same of it; they take turns in writing.
        is_copy = place % mesh.world_size != mesh.rank
        for field, values in replica.fields.items():
            found[replica.table.name, field].append(Chunk((0, 0), values, is_copy))
    tables = {table.name: table for table in module.layout.tables}
    return {
        f"{name}/{field}": HeldTensor(
            (tables[name].rows, 1 if field == ROW_SUM else tables[name].dim),
            chunks[0].values.dtype,
            tuple(chunks),
        )
        for (name, field), chunks in found.items()
    }
