"""The folder of a run's checkpoints: taken by one run, with what it goes on from."""

from __future__ import annotations

import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from shardplan import files
from shardplan.errors import CheckpointError, SaveFailed
from shardplan.executor.checkpoint.by_all import by_all, gathered
from shardplan.executor.checkpoint.checkpoint_folder import CheckpointFolder, step_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from shardplan.executor.train.engine import Engine
    from shardplan.executor.train.job import Job

_LOCK = ".lock"


class RunFolder:
    """Where one run, and no other, writes its checkpoints."""

    def __init__(self, path: Path, start: Path | None, say: Callable[[str], None]) -> None:
        self.path = path
        self.start = start
        """The checkpoint to go on from; None where the run begins at step 0."""
        self.failed: SaveFailed | None = None
        """Why the newest step is not saved; None where it is."""
        self._say = say

    @property
    def first_step(self) -> int:
        """Steps that the run has behind it."""
        return 0 if self.start is None else step_of(self.start)

    def save(self, engine: Engine, step: int) -> None:
        """Write a checkpoint; where that fails, say so and go on: a later one may find room."""
        try:
            engine.save(self.path, step)
        except SaveFailed as error:
            self.failed = error
            self._say(f"warning: {error}; older checkpoints are whole")
        else:
            self.failed = None


@contextmanager
def run_folder(
    path: Path, job: Job, resume: bool, say: Callable[[str], None]
) -> Iterator[RunFolder]:
    """The folder, for as long as a run lasts; all ranks enter it together.

    Raises CheckpointError on all ranks, before anything is trained, where the folder cannot be
    written, another run is writing to it, or it holds checkpoints and the run shall not go on from
    them: it would mix its own with theirs.
    """
    folder = CheckpointFolder(path)
    with ExitStack() as held:
        start = by_all(job, lambda: _taken(folder, resume, held) if job.rank == 0 else None)
        start = gathered(job, start)[0]
        by_all(job, lambda: _check_seen(path, job.rank))
        if start is not None:
            say(f"going on from {start}")
        elif resume:
            say(f"there is no checkpoint in {path}: beginning at step 0")
        yield RunFolder(path, start, say)


def _taken(folder: CheckpointFolder, resume: bool, held: ExitStack) -> Path | None:
    """Take the folder for this run; the checkpoint that it begins with."""
    path = folder.path
    path.mkdir(parents=True, exist_ok=True)
    files.check_writable(path / "step")
    held.enter_context(_locked(path))
    newest = folder.latest()
    if newest is not None and not resume:
        raise CheckpointError(
            f"{path} holds checkpoints, the newest of step {step_of(newest)}: go on from it with "
            "--resume, or give this run a folder of its own"
        )
    folder.clean()
    return newest


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Keep other runs out until this process ends, where the file system knows locks."""
    import fcntl

    descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CheckpointError(f"another run is writing its checkpoints to {path}") from None
        except OSError:
            pass
        yield
    finally:
        os.close(descriptor)


def _check_seen(path: Path, rank: int) -> None:
    if not (path / _LOCK).exists():
        raise CheckpointError(
            f"rank {rank} does not see what rank 0 wrote to {path}: all ranks need one folder"
        )
