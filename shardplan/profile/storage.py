"""Where a file lies: on this machine, or in a store that fsspec reaches."""

from __future__ import annotations

import errno
import gzip
import io
import os
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

_FULL = {each: os.strerror(each) for each in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)}
"""What engines say of a full disk, in the system's words."""


def storage_of(file: str) -> tuple[str, Any]:
    """The protocol of a path or URL, and its file system; raises InputError where none is known."""
    protocol, sign, _ = file.partition("://")
    if not sign:
        protocol = "file"
    try:
        import fsspec

        return protocol, fsspec.filesystem(protocol)
    except ImportError as error:
        hint = f"pip install what {protocol}:// needs" if sign else "pip install fsspec"
        raise refused(file, f"cannot be reached: {error}", hint) from None
    except ValueError as error:
        raise refused(file, f"cannot be reached: {error}") from None


def opened(file: str) -> BinaryIO:
    """A file for reading; raises InputError."""
    _, storage = storage_of(file)
    try:
        stream: BinaryIO = storage.open(file, "rb")
    except OSError as error:
        raise refused(file, f"cannot read the file: {error.strerror or error}") from None
    return stream


@contextmanager
def unpacked(file: str) -> Iterator[BinaryIO]:
    """The same of a file that may be packed by gzip or zstd, unpacked."""
    with opened(file) as stream:
        if file.endswith(".zst"):
            with _unpacked_zstd(file, stream) as lines:
                yield lines
            return
        if not file.endswith(".gz"):
            yield stream
            return
        try:
            with gzip.open(stream) as lines:
                yield cast("BinaryIO", lines)
        except EOFError:
            raise refused(file, "is cut short: its gzip stream does not end") from None
        except (gzip.BadGzipFile, zlib.error) as error:
            raise refused(file, f"is no gzip file: {error}") from None


@contextmanager
def _unpacked_zstd(file: str, stream: BinaryIO) -> Iterator[BinaryIO]:
    import pyarrow as pa

    try:
        with pa.CompressedInputStream(pa.PythonFile(stream), "zstd") as packed:
            yield cast("BinaryIO", io.BufferedReader(packed))
    except (OSError, pa.ArrowException) as error:
        raise refused(file, f"is no zstd file: {error}", "pack it anew, or unpack it") from None


def no_room(folder: str | Path, error: BaseException) -> InputError | None:
    """What to say of a disk that is full, where that is what an error is about; else None.

    ``folder`` lies on it, and holds what text is made into and what does not fit memory.
    """
    said, number = str(error), getattr(error, "errno", None)
    if number not in _FULL and not any(words in said for words in _FULL.values()):
        return None
    message = f"no room is left on its disk: {said.partition(chr(10))[0]}"
    hint = "name a folder on another disk: --work"
    return InputError([Diagnostic(str(folder), 0, 0, "", message, hint, code="write")])


def refused(file: str, message: str, hint: str = "", line: int = 0, column: int = 0) -> InputError:
    """A fault of a file of samples."""
    return InputError([Diagnostic(file, line, column, "", message, hint, code="data")])
