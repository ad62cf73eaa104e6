"""What a process finds around it: its streams, its environment, and what the system refuses it."""

from __future__ import annotations

import errno
import io
import os
import re
import sys
from datetime import UTC, datetime

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})
"""What the system says where a stream or a file has no room."""
_EPOCH = "SOURCE_DATE_EPOCH"
_LAST_SECOND = 253_402_300_799
"""Of the year 9999, the last that dates are written for."""
_NO_MEMORY = re.compile(
    r"bad_alloc|can'?t allocate memory|cannot allocate memory|failed to map segment|out of memory",
    re.IGNORECASE,
)
_NO_THREAD = "can't start new thread"


def cores() -> int:
    """Those that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def creation_time() -> datetime:
    """Now, or what SOURCE_DATE_EPOCH says instead; raises InputError where that is no time."""
    epoch = os.environ.get(_EPOCH)
    if not epoch:
        return datetime.now(UTC)
    if not re.fullmatch(r"[0-9]{1,15}", epoch) or int(epoch) > _LAST_SECOND:
        message = f"{epoch[:40]!r} is no time: expected seconds since 1970, such as 1700000000"
        hint = f"the environment sets it; unset {_EPOCH} for the time of now"
        raise InputError([Diagnostic(_EPOCH, 0, 0, "", message, hint, code="environment")])
    return datetime.fromtimestamp(int(epoch), UTC)


def outside_cause(error: BaseException) -> str | None:
    """What the machine lacks or refuses, where that is why an error was raised; else None."""
    if isinstance(error, MemoryError):
        return "there is not enough memory on this machine, or for this process"
    if isinstance(error, OSError):
        reason = error.strerror or str(error) or type(error).__name__
        return f"{error.filename}: {reason}" if error.filename else f"the system says: {reason}"
    if isinstance(error, RuntimeError | ImportError):
        if _NO_MEMORY.search(str(error)):
            return "there is not enough memory on this machine, or for this process"
        if str(error) == _NO_THREAD:
            return "the system lets this process start no more threads"
    return None


def mend_streams() -> None:
    """Put something in the place of streams that are closed, and let stderr fail neither for room
    nor for a reader that went away: what a command ends with is its own.

    A closed stream is None to Python, and its number goes to the next file that is opened: what
    libraries write to it would land there. Reading or writing one in its place raises OSError, and
    what is said on stderr is lost, as whoever closed it wants.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # The lowest free number is this one.
    if sys.stdin is None:
        sys.stdin = io.TextIOWrapper(io.BufferedReader(_Closed()))
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(_Closed(), "utf-8", write_through=True)
    sys.stderr = io.TextIOWrapper(
        _Forgiving(2, "w", closefd=False),
        getattr(sys.stderr, "encoding", None) or "utf-8",
        "backslashreplace",
        line_buffering=True,
        write_through=True,
    )


class _Closed(io.RawIOBase):
    """A stream that the process was started without."""

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, _: object) -> int:
        raise OSError(errno.EBADF, "it is closed")

    def write(self, _: object) -> int:
        raise OSError(errno.EBADF, "it is closed")


class _Forgiving(io.FileIO):
    """A file that loses what there is no room for, and what nobody reads any more."""

    def write(self, data: object) -> int:
        try:
            return super().write(data)  # type: ignore[arg-type]
        except OSError as error:
            if error.errno not in (*NO_ROOM, errno.EPIPE):
                raise
            return memoryview(data).nbytes  # type: ignore[arg-type]
