"""Checkpoints: each rank writes its shards, and any plan reads them."""

from __future__ import annotations

import os
import shutil
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from shardplan.errors import CheckpointError, SaveFailed
from shardplan.executor.checkpoint.by_all import by_all, gathered
from shardplan.executor.checkpoint.checked_file import CheckedReader
from shardplan.executor.checkpoint.checkpoint_folder import CheckpointFolder, named_step
from shardplan.executor.checkpoint.data_file import Stored, check_header, read_chunk, write_data
from shardplan.executor.checkpoint.held_tensor import overlap
from shardplan.executor.checkpoint.index import INDEX, CheckpointIndex, StoredTensor
from shardplan.executor.checkpoint.mismatch import differences
from shardplan.executor.checkpoint.module_state import (
    DENSE,
    state_of,
    take_state,
    unsent_of,
)
from shardplan.executor.checkpoint.number_formats import NUMBER_FORMATS
from shardplan.executor.checkpoint.unsent_rows import is_unsent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from shardplan.executor.checkpoint.checked_file import FileSums
    from shardplan.executor.checkpoint.held_tensor import Extent, HeldTensor
    from shardplan.executor.checkpoint.index import StoredChunk
    from shardplan.executor.checkpoint.module_state import ModuleTables
    from shardplan.executor.checkpoint.unsent_rows import UnsentRows
    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.tensors.tensor import Tensor

_PICKLED = ".metadata"
"""The index of a checkpoint from before format 1.0."""


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
    whenever the job is killed. Of this step and those before it the newest ``keep`` stay. Returns
    the checkpoint's folder.

    Raises SaveFailed on all ranks where one of them cannot write, as onto a full disk: what was
    written of it is removed, older checkpoints stay. Raises RankLost where a rank is gone.
    """
    checkpoints = CheckpointFolder(folder)
    partial = checkpoints.partial(step)
    state = state_of(modules, dense or {}, mesh)
    for each in unsent_of(modules, mesh):
        state |= each.held()
    try:
        by_all(mesh, lambda: checkpoints.begin(step) if mesh.rank == 0 else None)
        written = gathered(mesh, by_all(mesh, lambda: _write(partial, mesh.rank, state)))
        by_all(mesh, lambda: _finish(checkpoints, step, written) if mesh.rank == 0 else None)
    except CheckpointError as error:
        if mesh.rank == 0:
            shutil.rmtree(partial, ignore_errors=True)
        message = f"the checkpoint of step {step} could not be written: {error}"
        raise SaveFailed(message) from error
    if mesh.rank == 0:
        checkpoints.prune(step, keep)
    return checkpoints.at(step)


def load_checkpoint(
    path: str | Path,
    mesh: Mesh,
    modules: Mapping[str, ModuleTables],
    dense: Mapping[str, Tensor] | None = None,
    trust: bool = False,
) -> None:
    """Read a checkpoint in place, whatever plan it was written under.

    Every byte is held against a checksum, and nothing is unpickled, unless ``trust`` lets a
    checkpoint from before format 1.0 be loaded, which may run any code.

    Raises CheckpointError on all ranks where one of them cannot read it, or it holds other tables
    or another optimizer's state. Where a file is damaged, tables may be overwritten in part.
    """
    folder = Path(path)
    state, unsent = state_of(modules, dense or {}, mesh), unsent_of(modules, mesh)
    stored: Mapping[str, StoredTensor] = {}
    read: dict[str, HeldTensor] = {}
    if any(gathered(mesh, _is_pickled(folder))):
        _load_pickled(folder, mesh, state, trust)
    else:
        index = by_all(mesh, lambda: _index(folder))
        stored = index.tensors
        names = {name for each in gathered(mesh, set(state)) for name in each}
        if dense is None:  # Whoever asks for tables alone may leave the dense layers aside.
            names |= {name for name in stored if name.startswith(DENSE)}
        names |= set(filter(is_unsent, stored))
        for each in unsent:
            read |= each.targets(stored)
        # Other tables are refused before any number is overwritten.
        by_all(mesh, lambda: _check(folder, index, state | read, names))
        by_all(mesh, lambda: _read(folder, index, state | read))
    take_state(modules, state)
    _take_unsent(folder, mesh, unsent, stored, read)


def latest_checkpoint(folder: str | Path) -> Path | None:
    """The newest checkpoint in a folder; None where there is none."""
    return CheckpointFolder(folder).latest()


class _Written(NamedTuple):
    """What a rank wrote."""

    file: str
    sums: FileSums
    chunks: Stored
    formats: dict[str, tuple[Extent, str]]
    """Shape and number format of every tensor that it holds anything of."""


def _write(partial: Path, rank: int, state: Mapping[str, HeldTensor]) -> _Written:
    """Write this rank's part, down to the disk."""
    path = partial / f"rank-{rank:05d}.safetensors"
    try:
        sums, chunks = write_data(path, state)
    except OSError as error:  # Of a file that is open, the system does not say the name.
        raise CheckpointError(f"{path}: {error.strerror or error}") from error
    formats = {name: (held.shape, NUMBER_FORMATS[held.dtype]) for name, held in state.items()}
    return _Written(path.name, sums, chunks, formats)


def _finish(folder: CheckpointFolder, step: int, written: Sequence[_Written]) -> None:
    """Write the index of what all ranks wrote, and let the checkpoint appear."""
    chunks: dict[str, list[StoredChunk]] = {}
    for each in written:
        for name, chunk in each.chunks:
            chunks.setdefault(name, []).append(chunk)
    tensors = {
        name: StoredTensor(shape, dtype, tuple(chunks.get(name, ())))
        for each in written
        for name, (shape, dtype) in each.formats.items()
    }
    index = CheckpointIndex(step, tensors, {each.file: each.sums for each in written})
    path = folder.partial(step) / INDEX
    try:
        with path.open("x", encoding="ascii") as file:
            file.write(index.as_text())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CheckpointError(f"{path}: {error.strerror or error}") from error
    CheckpointIndex.read(path.parent)  # Which raises where any part of a tensor is missing.
    folder.publish(step)


def _index(folder: Path) -> CheckpointIndex:
    """Of the step that the folder's name says, if it says one."""
    index, named = CheckpointIndex.read(folder), named_step(folder)
    if named is not None and named != index.step:
        raise CheckpointError(
            f"{folder} holds the checkpoint of step {index.step:,}, not of step {named:,}: give it "
            "its name back"
        )
    return index


def _check(
    folder: Path, index: CheckpointIndex, state: Mapping[str, HeldTensor], names: set[str]
) -> None:
    found = differences(index.tensors, state, names)
    if found:
        raise CheckpointError(f"{folder} is no checkpoint of these tables: {'; '.join(found)}")


def _read(folder: Path, index: CheckpointIndex, state: Mapping[str, HeldTensor]) -> None:
    """Read what this rank holds, file by file and each from its beginning to its end."""
    parts = [
        (stored, index.tensors[name].dtype, part, chunk)
        for name, held in state.items()
        for chunk in held.chunks
        for stored in index.tensors[name].chunks
        if (part := overlap((stored.offsets, stored.sizes), (chunk.offsets, chunk.sizes)))
    ]
    parts.sort(key=lambda each: (each[0].file, each[0].begin, each[2].offsets))
    with ExitStack() as files:
        opened: dict[str, CheckedReader] = {}
        for stored, dtype, part, chunk in parts:
            if stored.file not in opened:
                reader = CheckedReader(folder / stored.file, index.files[stored.file])
                opened[stored.file] = files.enter_context(reader)
                check_header(reader)
            read_chunk(opened[stored.file], stored, dtype, part, chunk)


def _take_unsent(
    folder: Path,
    mesh: Mesh,
    unsent: Sequence[UnsentRows],
    stored: Mapping[str, StoredTensor],
    read: Mapping[str, HeldTensor],
) -> None:
    """Go on from what ranks had not sent; rank 0 warns of what has no place here.

    That of ranks that are no more, or of tables that are summed exactly, is left aside.
    """
    lost = {each.table: each.take(stored, read) for each in unsent}
    ranks = gathered(mesh, lost) if lost else []
    for table in lost if mesh.rank == 0 else ():
        if rows := max(of_rank[table] for of_rank in ranks):
            message = (
                f"{folder}: what a rank had not sent of {table} is lost for up to {rows:,} rows, "
                "which are not on every rank here, or which the checkpoint does not name"
            )
            warnings.warn(message, stacklevel=3)


def _is_pickled(folder: Path) -> bool:
    return (folder / _PICKLED).exists() and not (folder / INDEX).exists()


def _load_pickled(folder: Path, mesh: Mesh, state: Mapping[str, HeldTensor], trust: bool) -> None:
    if not trust:
        raise CheckpointError(
            f"{folder} is of an older shardplan: its {_PICKLED} is a pickle, which can run any "
            "code when it is loaded; --trust loads it, if you trust whoever wrote it"
        )
    from shardplan.executor.checkpoint.pickled import load_pickled

    load_pickled(folder, mesh, state)
