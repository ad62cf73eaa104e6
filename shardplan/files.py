"""Writing files so that a reader sees the old content or the new, never half of one."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


_PROBE_BYTES = 4096
"""What must fit before long work begins."""
_FULL_DEVICE = (1, 7)
"""Linux' /dev/full, which can be opened and never written."""
_SCRAP = re.compile(r"\.shardplan-[0-9a-f]{12}\.tmp")
"""What a file is called until it is whole."""


def write_atomically(path: str | Path, content: str | bytes) -> None:
    """Write text as UTF-8, or bytes, to a temporary file beside ``path``, then rename it over it.

    A full disk, a read-only folder or an interrupt leaves the old file whole. Links are followed;
    devices and pipes, which a rename would replace, are written to directly.

    Raises InputError when the file cannot be written.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    with faults_named(path):
        # The path itself is asked: what /dev/stdout leads to may be a pipe, which has no path.
        mode = _mode(path)
        if mode is None or stat.S_ISREG(mode):
            _replace(Path(os.path.realpath(path)), data, mode)
        else:
            Path(path).write_bytes(data)


def check_writable(path: str | Path, reads: Iterable[str | Path] = ()) -> None:
    """Raise InputError where ``write_atomically`` would surely fail; the file is not touched.

    Also where the file is one of those that the work ``reads``: written over, it would be lost.
    """
    with faults_named(path):
        mode = _mode(path)
        target = Path(os.path.realpath(path))
        if mode is not None and stat.S_ISREG(mode) and any(_is_same(path, each) for each in reads):
            raise ValueError("it is read here, and what it holds would be lost; name another file")
        if mode is not None and stat.S_ISDIR(mode):
            raise ValueError("is a folder")
        if mode is not None and not stat.S_ISREG(mode):
            if not os.access(path, os.W_OK):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            if stat.S_ISCHR(mode) and _device(path) == _FULL_DEVICE:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return
        if not target.parent.is_dir():
            raise ValueError(f"there is no folder {target.parent}")
        _probe(target)


def check_folder(path: str | Path) -> None:
    """Raise InputError where files could surely not be written into a folder, which may have to be
    made; nothing stays of the attempt."""
    with faults_named(path):
        target = Path(os.path.realpath(path))
        there = next(each for each in (target, *target.parents) if each.exists())
        if not there.is_dir():
            raise ValueError("is no folder" if there == target else f"{there} is no folder")
        _probe(there / target.name)


def make_folder(path: str | Path) -> None:
    """Make a folder, unless it is there. Raises InputError where it cannot be made."""
    with faults_named(path):
        try:
            Path(path).mkdir(parents=True, exist_ok=True)
        except FileExistsError:
            raise ValueError("is no folder") from None


def _probe(target: Path) -> None:
    """Only an attempt knows of quotas, read-only mounts and full disks."""
    with _created_beside(target) as (descriptor, _):
        os.write(descriptor, bytes(_PROBE_BYTES))
        os.fsync(descriptor)


def check_stream(stream: TextIO) -> None:
    """Raise OSError where a stream could surely not be written."""
    try:
        number = stream.fileno()
    except (OSError, ValueError):  # It is no file: it takes what it is given, or nothing at all.
        if (buffer := getattr(stream, "buffer", None)) is not None:
            buffer.write(b"")
        return
    mode = os.fstat(number).st_mode
    if fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
        raise OSError(errno.EBADF, "it is open for reading only")
    if stat.S_ISCHR(mode) and _device(number) == _FULL_DEVICE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    if stat.S_ISREG(mode):
        system = os.fstatvfs(number)
        if system.f_blocks and not system.f_bavail:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@contextmanager
def faults_named(path: str | Path) -> Iterator[None]:
    """Whatever the system refuses becomes an InputError about ``path``."""
    try:
        if not str(path):
            raise ValueError("the path is empty")
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        shown = str(path) or "''"
        fault = Diagnostic(shown, 0, 0, "", f"cannot write: {reason}", code="write")
        raise InputError([fault]) from None


def _is_same(path: str | Path, other: str | Path) -> bool:
    """Whether both name one file, by whatever links."""
    try:
        return os.path.samefile(path, other)
    except OSError:
        return False


def _device(path: str | Path | int) -> tuple[int, int]:
    """The numbers of a device file."""
    number = os.stat(path).st_rdev
    return os.major(number), os.minor(number)


def _mode(path: str | Path) -> int | None:
    """Type and permissions of a file; None where there is none yet."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


@contextmanager
def _created_beside(target: Path) -> Iterator[tuple[int, Path]]:
    """A descriptor of a new file in the target's folder, and its path; the file goes at the end.

    It is locked for as long as it is written. What a process that was killed left there is nobody's
    and is removed, so that it does not pile up.
    """
    _remove_scraps(target.parent)
    descriptor, temporary = _new_file(target.parent)
    try:
        yield descriptor, temporary
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        os.close(descriptor)


def _new_file(folder: Path) -> tuple[int, Path]:
    while True:
        path = folder / f".shardplan-{secrets.token_hex(6)}.tmp"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        # Between the two lines another process may have taken it for a scrap.
        if locks(descriptor, where_unknown=True) and os.fstat(descriptor).st_nlink:
            return descriptor, path
        os.close(descriptor)


def _remove_scraps(folder: Path) -> None:
    """Remove files of ``_new_file`` that no process writes any more."""
    with suppress(OSError):
        for path in [folder / name for name in os.listdir(folder) if _SCRAP.fullmatch(name)]:
            with suppress(OSError):
                descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
                try:
                    if locks(descriptor, where_unknown=False):
                        path.unlink()
                finally:
                    os.close(descriptor)


def locks(descriptor: int, *, where_unknown: bool) -> bool:
    """Whether this process has the lock of a file now; some file systems know none.

    It is let go when the descriptor is closed, or the process ends in any way.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return where_unknown
    return True


def _replace(target: Path, data: bytes, mode: int | None) -> None:
    with _created_beside(target) as (descriptor, temporary):
        with os.fdopen(descriptor, "wb", closefd=False) as stream:
            stream.write(data)
            stream.flush()
            os.fsync(descriptor)
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        temporary.replace(target)
    sync_folder(target.parent)


def sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the file system knows how."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
