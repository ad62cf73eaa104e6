"""A folder for what processes of one job tell each other."""

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
    """An empty folder among the system's temporary files, until it is removed.

    It is locked for as long as its process lives. What a process that was killed left there is
    nobody's, and goes when another is made, so that it does not pile up. Raises OSError where none
    can be made.
    """

    def __init__(self) -> None:
        _remove_scraps(Path(tempfile.gettempdir()))
        self.path, self._descriptor = _new()

    def remove(self) -> None:
        """With all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._descriptor)


def _new() -> tuple[Path, int]:
    while True:
        path = Path(tempfile.mkdtemp(prefix=_PREFIX))
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
