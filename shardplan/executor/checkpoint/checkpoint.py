"""Checkpoints: each rank writes its shards, and any plan reads them."""

from __future__ import annotations

import os
import re
import shutil
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import torch.distributed as dist
import torch.distributed.checkpoint as dcp

from shardplan.errors import CheckpointError
from shardplan.executor.checkpoint.module_state import state_of, take_state
from shardplan.executor.checkpoint.table_chunks import LoadChunks, SaveChunks
from shardplan.executor.exchange.mesh import naming_lost_ranks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shardplan.executor.checkpoint.module_state import ModuleTables
    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.tensors.tensor import Tensor

_WHAT = "the checkpoint"
_NAME = re.compile(r"step-(\d{9})")


def save_checkpoint(
    folder: str | Path,
    step: int,
    mesh: Mesh,
    modules: Mapping[str, ModuleTables],
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
            state_of(modules, dense or {}),
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
    modules: Mapping[str, ModuleTables],
    dense: Mapping[str, Tensor] | None = None,
) -> None:
    """Read a checkpoint in place, whatever plan it was written under.

    Raises CheckpointError where it cannot be read, or holds other tables or another optimizer's
    state.
    """
    state = state_of(modules, dense or {})
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
    take_state(modules, state)


def latest_checkpoint(folder: str | Path) -> Path | None:
    """The newest whole checkpoint in a folder; None where there is none."""
    whole = _whole(Path(folder))
    return whole[-1] if whole else None


@contextmanager
def _alone_on_purpose() -> Iterator[None]:
    """A job of one rank has no process group, and means it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


def step_of(checkpoint: Path) -> int:
    """Steps of training that a checkpoint has behind it."""
    return int(checkpoint.name.removeprefix("step-"))


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
