"""A folder of checkpoints: which there are, and how one appears and old ones go."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path

_NAME = re.compile(r"step-([0-9]{9,})")
_SCRAPS = (".step-*.partial", ".step-*.replaced")


class CheckpointFolder:
    """Checkpoints of one run, each a folder ``step-N``: whole from the moment it has that name."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    def all(self) -> list[Path]:
        """From the oldest to the newest. Raises OSError where the folder cannot be read."""
        if not self.path.is_dir():
            return []
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
        partial = self.partial(step)
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        return partial

    def partial(self, step: int) -> Path:
        """The name that the checkpoint of a step has until it is whole."""
        return self.path / f".{self.at(step).name}.partial"

    def publish(self, step: int) -> None:
        """Give a checkpoint that is whole its name. Raises OSError."""
        partial, target = self.partial(step), self.at(step)
        _sync(partial)
        replaced = self.path / f".{target.name}.replaced"
        if target.exists():
            shutil.rmtree(replaced, ignore_errors=True)
            target.rename(replaced)
        partial.rename(target)
        _sync(self.path)
        shutil.rmtree(replaced, ignore_errors=True)

    def prune(self, step: int, keep: int) -> None:
        """Of a step and those before it leave the newest ``keep``; later ones are not its own."""
        older = [path for path in self.all() if step_of(path) <= step]
        for path in older[: -max(1, keep)]:
            shutil.rmtree(path, ignore_errors=True)

    def clean(self) -> None:
        """Remove what killed jobs left half written."""
        for pattern in _SCRAPS:
            for path in self.path.glob(pattern):
                shutil.rmtree(path, ignore_errors=True)


def step_of(checkpoint: Path) -> int:
    """Steps of training that a checkpoint has behind it."""
    return int(checkpoint.name.removeprefix("step-"))


def _sync(folder: Path) -> None:
    """Make names in a folder durable, where the file system knows how."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
