"""Writing files so that a reader sees the old content or the new, never half of one."""

from __future__ import annotations

import errno
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator


_PROBE_BYTES = 4096
"""What must fit before long work begins."""
_FULL_DEVICE = (1, 7)
"""Linux' /dev/full, which can be opened and never written."""


def write_atomically(path: str | Path, text: str) -> None:
    """Write text as UTF-8 to a temporary file beside ``path``, then rename it over ``path``.

    A full disk, a read-only folder or an interrupt leaves the old file whole. Links are followed;
    devices and pipes, which a rename would replace, are written to directly.

    Raises InputError when the file cannot be written.
    """
    data = text.encode("utf-8")
    with _faults_named(path):
        # The path itself is asked: what /dev/stdout leads to may be a pipe, which has no path.
        mode = _mode(path)
        if mode is None or stat.S_ISREG(mode):
            _replace(Path(os.path.realpath(path)), data, mode)
        else:
            Path(path).write_bytes(data)


def check_writable(path: str | Path) -> None:
    """Raise InputError where ``write_atomically`` would surely fail; the file is not touched."""
    with _faults_named(path):
        mode = _mode(path)
        target = Path(os.path.realpath(path))
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
        # Only an attempt knows of quotas, read-only mounts and full disks.
        descriptor, temporary = _create_beside(target)
        try:
            os.write(descriptor, bytes(_PROBE_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
            temporary.unlink()


@contextmanager
def _faults_named(path: str | Path) -> Iterator[None]:
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


def _device(path: str | Path) -> tuple[int, int]:
    """The numbers of a device file."""
    number = os.stat(path).st_rdev
    return os.major(number), os.minor(number)


def _mode(path: str | Path) -> int | None:
    """Type and permissions of a file; None where there is none yet."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _create_beside(target: Path) -> tuple[int, Path]:
    """A descriptor of a new file in the target's folder, and its path."""
    temporary = target.parent / f".shardplan-{secrets.token_hex(6)}.tmp"
    return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666), temporary


def _replace(target: Path, data: bytes, mode: int | None) -> None:
    descriptor, temporary = _create_beside(target)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        if mode is not None:
            temporary.chmod(stat.S_IMODE(mode))
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename itself durable, where the file system knows how."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
