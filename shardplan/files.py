"""Writing files so that a reader sees the old content or the new, never half of one."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError


def write_atomically(path: str | Path, text: str) -> None:
    """Write text as UTF-8 to a temporary file beside ``path``, then rename it over ``path``.

    A full disk, a read-only folder or an interrupt leaves the old file whole. Links are followed;
    devices and pipes, which a rename would replace, are written to directly.

    Raises InputError when the file cannot be written.
    """
    data = text.encode("utf-8")
    try:
        target = Path(os.path.realpath(path))
        mode = _mode(target)
        if mode is None or stat.S_ISREG(mode):
            _replace(target, data, mode)
        else:
            target.write_bytes(data)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        fault = Diagnostic(str(path), 0, 0, "", f"cannot write: {reason}", code="write")
        raise InputError([fault]) from None


def _mode(target: Path) -> int | None:
    """Type and permissions of a file; None where there is none yet."""
    try:
        return target.stat().st_mode
    except FileNotFoundError:
        return None


def _replace(target: Path, data: bytes, mode: int | None) -> None:
    temporary = target.parent / f".shardplan-{secrets.token_hex(6)}.tmp"
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
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
