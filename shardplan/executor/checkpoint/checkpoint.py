"""Checkpoints: each rank writes its shards, and any plan reads them."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from collections import defaultdict
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
import torch.distributed.checkpoint as dcp

from shardplan.errors import CheckpointError
from shardplan.executor.checkpoint.table_chunks import Chunk, LoadChunks, SaveChunks, TableChunks
from shardplan.executor.exchange.mesh import naming_lost_ranks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.native.collection import ShardedEmbeddingBagCollection
    from shardplan.executor.tensor import Tensor

_WHAT = "the checkpoint"
_NAME = re.compile(r"step-(\d{9})")


def save_checkpoint(
    folder: str | Path,
    step: int,
    mesh: Mesh,
    collections: Mapping[str, ShardedEmbeddingBagCollection],
    dense: Mapping[str, Tensor] | None = None,
    keep: int = 2,
) -> Path:
    """Write weights and optimizer state of all tables, and the ``dense`` tensors of the model.

    Written under another name and renamed when every rank is done: a folder ``step-N`` is whole,
    whenever the job is killed. The newest ``keep`` stay. Returns the checkpoint's folder.
    """
    target = Path(folder) / f"step-{step:09d}"
    partial = Path(folder) / f".{target.name}.partial"
    if mesh.rank == 0:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    _meet(mesh)
    with naming_lost_ranks(mesh.rank, _WHAT), _alone_on_purpose():
        dcp.save(
            _state(collections, dense or {}),
            storage_writer=dcp.FileSystemWriter(partial, sync_files=True),
            planner=SaveChunks(),
            no_dist=mesh.world_size == 1,
        )
    _meet(mesh)
    if mesh.rank == 0:
        _publish(partial, target)
        _prune(Path(folder), keep)
    _meet(mesh)
    return target


def load_checkpoint(
    path: str | Path,
    mesh: Mesh,
    collections: Mapping[str, ShardedEmbeddingBagCollection],
    dense: Mapping[str, Tensor] | None = None,
) -> None:
    """Read a checkpoint in place, whatever plan it was written under.

    Raises CheckpointError where it cannot be read, or holds other tables or another optimizer's
    state.
    """
    state = _state(collections, dense or {})
    try:
        with _alone_on_purpose():
            dcp.load(
                state,
                storage_reader=dcp.FileSystemReader(path),
                planner=LoadChunks(),
                no_dist=mesh.world_size == 1,
            )
    except (dcp.api.CheckpointException, RuntimeError, ValueError, OSError) as error:
        reason = _reason(error)
        raise CheckpointError(f"{path} is no checkpoint of these tables: {reason}") from error
    for name, collection in collections.items():
        collection.steps = int(state[f"{name}/steps"][0])
        for group in collection.groups:
            group.weights.forget()


def latest_checkpoint(folder: str | Path) -> Path | None:
    """The newest whole checkpoint in a folder; None where there is none."""
    whole = _whole(Path(folder))
    return whole[-1] if whole else None


def _state(
    collections: Mapping[str, ShardedEmbeddingBagCollection], dense: Mapping[str, Tensor]
) -> dict[str, Any]:
    state: dict[str, Any] = {f"dense/{name}": tensor for name, tensor in dense.items()}
    for module, collection in collections.items():
        state[f"{module}/steps"] = torch.tensor([collection.steps])
        for name, chunks in _chunks(collection).items():
            state[f"{module}/{name}"] = chunks
    return state


def _chunks(collection: ShardedEmbeddingBagCollection) -> dict[str, TableChunks]:
    """By table and field, what this rank holds."""
    found: dict[tuple[str, str], list[Chunk]] = defaultdict(list)
    for group in collection.groups:
        for held, fields in group.shards():
            for field, values in fields.items():
                shard = held.shard
                per_row = field == "row_sum"
                column = 0 if per_row else shard.column_offset
                # Every column shard keeps the number of its rows; the first one's is written.
                is_copy = per_row and shard.column_offset > 0
                chunk = Chunk((shard.row_offset, column), values, is_copy)
                found[held.table.name, field].append(chunk)
    for replica in collection.replicated.replicas:
        for field, values in replica.fields.items():
            found[replica.table.name, field].append(Chunk((0, 0), values))
    tables = {table.name: table for table in collection.layout.tables}
    return {
        f"{name}/{field}": TableChunks(
            (tables[name].rows, 1 if field == "row_sum" else tables[name].dim),
            chunks[0].values.dtype,
            chunks,
        )
        for (name, field), chunks in found.items()
    }


@contextmanager
def _alone_on_purpose() -> Iterator[None]:
    """A job of one rank has no process group, and means it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


def _meet(mesh: Mesh) -> None:
    if mesh.world_size > 1:
        with naming_lost_ranks(mesh.rank, _WHAT):
            dist.barrier()


def _publish(partial: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    partial.rename(target)
    descriptor = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _prune(folder: Path, keep: int) -> None:
    for path in _whole(folder)[: -max(1, keep)]:
        shutil.rmtree(path, ignore_errors=True)


def _whole(folder: Path) -> list[Path]:
    """Checkpoints from the oldest to the newest."""
    if not folder.is_dir():
        return []
    named = [path for path in folder.iterdir() if _NAME.fullmatch(path.name)]
    return sorted(path for path in named if (path / ".metadata").is_file())


def _reason(error: BaseException) -> str:
    """The innermost message: each rank's own failure, where there are several."""
    failures = getattr(error, "failures", None)
    if failures:
        first = failures[min(failures)]
        error = first[0] if isinstance(first, tuple) else first
    lines = str(error).strip().splitlines()
    return lines[0] if lines else repr(error)
