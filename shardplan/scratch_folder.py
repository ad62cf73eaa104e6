"""A folder for what a job has to keep until it ends, or its processes tell each other."""

from __future__ import annotations

import os
import re
import shutil
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from shardplan.files import locks

_PREFIX = "shardplan-"
_NAME = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}")
_LOCK = ".lock"


class ScratchFolder:
    """An empty folder ``among`` others until it is removed, by default the system's temporary ones.

    It is locked for as long as its process lives. What a process that was killed left there is
    nobody's, and goes when another is made, so that it does not pile up. Raises OSError where none
    can be made.
    """

    def __init__(self, among: Path | None = None) -> None:
        among = among or Path(tempfile.gettempdir())
        _remove_scraps(among)
        self.path, self._descriptor = _new(among)

    def remove(self) -> None:
        """With all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._descriptor)


def _new(among: Path) -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=among))
        descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        # Between the two lines another process may have taken it for a scrap.
        if locks(descriptor, where_unknown=True) and os.fstat(descriptor).st_nlink:
            return path, descriptor
        os.close(descriptor)


def _remove_scraps(among: Path) -> None:
    """Remove folders of this user's in which no process is at work any more."""
    with suppress(OSError):
        for path in [among / name for name in os.listdir(among) if _NAME.fullmatch(name)]:
            with suppress(OSError):
                found = path.lstat()
                if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
                    continue
                descriptor = os.open(path / _LOCK, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    if locks(descriptor, where_unknown=False):
                        shutil.rmtree(path, ignore_errors=True)
                finally:
                    os.close(descriptor)
