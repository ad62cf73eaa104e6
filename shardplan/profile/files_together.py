"""Files that are written together: where one has no room, all stay as they were."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.files import faults_named, sync_folder, write_atomically
from shardplan.scratch_folder import ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Iterable


def write_together(contents: Iterable[tuple[Path, str | bytes]]) -> None:
    """Write all files beside their places, and then put each there by a rename, in their order.

    A full disk or an interrupt before the first rename leaves everything as it was; a kill between
    renames leaves files that are old and others that are new, each of them whole. Links are
    followed, permissions kept; devices and pipes are written to directly.

    Raises InputError when one cannot be written.
    """
    with ExitStack() as stack:
        beside: dict[Path, ScratchFolder] = {}
        ready: list[tuple[Path, Path]] = []
        for path, content in contents:
            with faults_named(path):
                target = Path(os.path.realpath(path))
                if target.parent not in beside:
                    beside[target.parent] = ScratchFolder(target.parent)
                    stack.callback(beside[target.parent].remove)
                data = content.encode("utf-8") if isinstance(content, str) else content
                half = beside[target.parent].path / str(len(ready))
                _write(half, data)
                ready.append((half, path))
        for half, path in ready:
            _put(half, path)
        for folder in beside:
            sync_folder(folder)


def _write(half: Path, data: bytes) -> None:
    with half.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _put(half: Path, path: Path) -> None:
    with faults_named(path):
        mode = path.stat().st_mode if path.exists() else None
        if mode is not None and not stat.S_ISREG(mode):
            write_atomically(path, half.read_bytes())
            return
        if mode is not None:
            half.chmod(stat.S_IMODE(mode))
        half.replace(os.path.realpath(path))
