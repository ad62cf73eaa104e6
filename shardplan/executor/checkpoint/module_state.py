"""What of a job's tables goes into a checkpoint, under which names."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Protocol

import torch

from shardplan.executor.checkpoint.held_tensor import Chunk, HeldTensor

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping, Sequence

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.planned.module_layout import ModuleLayout
    from shardplan.executor.tables.hot_rows import HotRows
    from shardplan.executor.tables.replicated_tables import ReplicatedTables
    from shardplan.executor.tables.shard_group import ShardGroup
    from shardplan.executor.tensors.tensor import Tensor

DENSE = "dense/"
"""What names of dense tensors begin with."""
UNSENT = "unsent/"
"""The same of gradients that a rank has not sent yet, where sums are not exact."""


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
    state = {DENSE + name: _whole(tensor, mesh.rank > 0) for name, tensor in dense.items()}
    for module, tables in modules.items():
        tables.hot_rows.settle()
        state[_steps(module)] = _whole(torch.tensor([tables.steps]), mesh.rank > 0)
        for name, tensor in _held(tables, mesh).items():
            state[f"{module}/{name}"] = tensor
        for table, rest in tables.replicated.rests:
            state[f"{UNSENT}{mesh.rank:05d}/{module}/{table.name}"] = _whole(rest, is_copy=False)
    return state


def as_far_as_stored(
    state: Mapping[str, HeldTensor], stored: Container[str]
) -> dict[str, HeldTensor]:
    """Without the unsent gradients of which a checkpoint has none: of other ranks, or of a job
    whose sums were exact. Those are zeros, and what a checkpoint has of ranks that are no more,
    or of tables that are summed exactly, is left aside."""
    return {name: held for name, held in state.items() if name in stored or not is_unsent(name)}


def is_unsent(name: str) -> bool:
    """Whether a tensor of a checkpoint is what a rank has not sent."""
    return name.startswith(UNSENT)


def take_state(
    modules: Mapping[str, ModuleTables], state: Mapping[str, HeldTensor], unread: Iterable[str] = ()
) -> None:
    """Go on from a state that was read: its rows are in place, and no cache may hold older ones.

    What of it is ``unread`` becomes zeros. A collective where tables keep hot rows.
    """
    for name in unread:
        for chunk in state[name].chunks:
            chunk.values.zero_()
    for module, tables in modules.items():
        tables.steps = int(state[_steps(module)].chunks[0].values[0])
        for group in tables.groups:
            group.weights.forget()
        tables.hot_rows.fetch()


def _steps(module: str) -> str:
    return f"{module}/steps"


def _whole(tensor: Tensor, is_copy: bool) -> HeldTensor:
    chunk = Chunk((0,) * tensor.dim(), tensor, is_copy)
    return HeldTensor(chunk.sizes, tensor.dtype, (chunk,))


def _held(module: ModuleTables, mesh: Mesh) -> dict[str, HeldTensor]:
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
    for place, replica in enumerate(module.replicated.replicas):
        # All ranks hold the same of it; they take turns in writing.
        is_copy = place % mesh.world_size != mesh.rank
        for field, values in replica.fields.items():
            found[replica.table.name, field].append(Chunk((0, 0), values, is_copy))
    tables = {table.name: table for table in module.layout.tables}
    return {
        f"{name}/{field}": HeldTensor(
            (tables[name].rows, 1 if field == "row_sum" else tables[name].dim),
            chunks[0].values.dtype,
            tuple(chunks),
        )
        for (name, field), chunks in found.items()
    }
