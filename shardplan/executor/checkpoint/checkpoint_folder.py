"""A folder of checkpoints: which there are, and how one appears and old ones go."""

from __future__ import annotations

import errno
import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

_NAME = re.compile(r"step-([0-9]{9,})")
_REPLACED = re.compile(r"\.(step-[0-9]{9,})\.replaced")
_SCRAPS = (".step-*.partial", ".step-*.replaced", ".step-*.removed")
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST)


class CheckpointFolder:
    """Checkpoints of one run, each a folder ``step-N``: whole from the moment it has that name."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def all(self) -> list[Path]:
        """From the oldest to the newest. Raises OSError where the folder cannot be read."""
        if not self.path.is_dir():
            return []
        self._restore()
        named = [path for path in self.path.iterdir() if _NAME.fullmatch(path.name)]
        return sorted(named, key=step_of)

    def latest(self) -> Path | None:
        """The newest; None where there is none."""
        found = self.all()
        return found[-1] if found else None

    def at(self, step: int) -> Path:
        """Where the checkpoint of a step has its place."""
        return self.path / f"step-{step:09d}"

    def begin(self, step: int) -> Path:
        """An empty folder to write a checkpoint to, under another name. Raises OSError."""
        self.clean()
        partial = self.partial(step)
        partial.mkdir(parents=True)
        return partial

    def partial(self, step: int) -> Path:
        """The name that the checkpoint of a step has until it is whole."""
        return self._beside(self.at(step), "partial")

    def publish(self, step: int) -> None:
        """Give a checkpoint that is whole its name. Raises OSError."""
        partial, target = self.partial(step), self.at(step)
        _sync(partial)
        replaced = self._beside(target, "replaced")
        is_there = False
        while not is_there:
            if target.exists():
                shutil.rmtree(replaced, ignore_errors=True)
                target.rename(replaced)
            try:
                partial.rename(target)
            except OSError as error:
                self._restore()
                if error.errno not in _TAKEN:  # Else a reader has put the older one back.
                    raise
            else:
                is_there = True
        _sync(self.path)
        shutil.rmtree(replaced, ignore_errors=True)

    def prune(self, step: int, keep: int) -> None:
        """Of a step and those before it leave the newest ``keep``; later ones are not its own."""
        with suppress(OSError):
            older = [path for path in self.all() if step_of(path) <= step]
            for path in older[: -max(1, keep)]:
                # No longer called a checkpoint from the moment that the first file goes.
                removed = self._beside(path, "removed")
                shutil.rmtree(removed, ignore_errors=True)
                path.rename(removed)
                shutil.rmtree(removed, ignore_errors=True)

    def clean(self) -> None:
        """Remove what killed jobs left half written, or half removed."""
        self._restore()
        for pattern in _SCRAPS:
            for path in self.path.glob(pattern):
                shutil.rmtree(path, ignore_errors=True)

    def _restore(self) -> None:
        """Give checkpoints their names back that were to be replaced when a job was killed."""
        with suppress(OSError):
            for path in list(self.path.iterdir()):
                named = _REPLACED.fullmatch(path.name)
                if named is None or (target := self.path / named[1]).exists():
                    continue
                with suppress(OSError):
                    path.rename(target)

    def _beside(self, checkpoint: Path, what: str) -> Path:
        return self.path / f".{checkpoint.name}.{what}"


def step_of(checkpoint: Path) -> int:
    """Steps of training that a checkpoint has behind it."""
    return int(checkpoint.name.removeprefix("step-"))


def named_step(folder: Path) -> int | None:
    """The step that a folder's name says it is the checkpoint of; None where it says none."""
    return step_of(folder) if _NAME.fullmatch(folder.name) else None


def _sync(folder: Path) -> None:
    """Make names in a folder durable, where the file system knows how."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
