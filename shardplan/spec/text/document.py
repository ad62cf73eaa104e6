"""A document that somebody wrote: its plain value, and where in the text each part stands."""

from __future__ import annotations

import codecs
import hashlib
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import TYPE_CHECKING, Any

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.text import compose
from shardplan.spec.text.override import owner
from shardplan.spec.text.place import NOWHERE, Path, Place, path_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.spec.text.override import Override

MAX_BYTES = 64 * 2**20
"""The largest file that is read: room for more than 100,000 tables."""

_STDIN = "<stdin>"
_WIDEST_SOURCE = 160
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what YAML counts as one


@dataclass(frozen=True, slots=True)
class Document:
    """Plain values (dict, list, str, int, float, bool, None) with the place of each."""

    value: Any
    file: str
    place: Place = NOWHERE
    lines: Sequence[str] = field(default=(), repr=False)
    """The lines of the text, to be shown beside a fault."""
    sha256: str = ""
    """Of the text in UTF-8."""
    overrides: tuple[Override, ...] = ()
    """What was put in place of parts of the text, already in ``value``."""

    def get(self, path: Path) -> Any:
        """The value at a path, which must exist."""
        value = self.value
        for part in path:
            value = value[part]
        return value

    def place_of(self, path: Path) -> Place:
        """The place at a path, or of the nearest thing around it that has one."""
        place = self.place
        for part in path:
            inner = place.child(part)
            if inner is None:
                break
            place = inner
        return place

    def diagnostic(
        self, path: Path, message: str, hint: str = "", code: str = "invalid", on_key: bool = False
    ) -> Diagnostic:
        """A fault at a path: at its value, or with ``on_key`` at its key."""
        if override := owner(self.overrides, path):
            line, column = override.at(path, on_key)
            file, source = override.said.file, source_line(override.said.lines, line, column)
            return Diagnostic(file, line, column, path_text(path), message, hint, source, code=code)
        place = self.place_of(path)
        line, column = (place.key_line, place.key_column) if on_key else place[:2]
        source = source_line(self.lines, line, column)
        return Diagnostic(
            self.file, line, column, path_text(path), message, hint, source, code=code
        )


def read_file(path: str) -> Document:
    """Read a YAML or JSON file, ``-`` for standard input.

    Raises InputError with every fault of the text; also where the file cannot be read.
    """
    if path == "-":
        return read_document(decode(_bytes_of_stdin(), _STDIN), _STDIN)
    return read_document(read_text(FilePath(path), path), path)


def _bytes_of_stdin() -> bytes:
    try:
        return sys.stdin.buffer.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError([_whole_file(_STDIN, f"cannot be read: {reason}")]) from None


def read_text(path: FilePath, file: str) -> str:
    """The text of a file, which messages call ``file``; raises InputError."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError([_whole_file(file, f"cannot read the file: {reason}")]) from None
    return decode(data, file)


def decode(data: bytes, file: str) -> str:
    """Bytes of a file as text; raises InputError unless it is UTF-8 of a sane size."""
    if data.startswith(b"\0"):
        raise InputError([_whole_file(file, "is not text: it begins with a zero byte")])
    is_whole = len(data) <= MAX_BYTES
    try:
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(data, final=is_whole)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode("utf-8", "replace")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        message = f"is not UTF-8 (byte 0x{error.object[error.start]:02x})"
        hint = "save the file as UTF-8"
        fault = Diagnostic(file, line, column, "", message, hint, code="encoding")
        raise InputError([fault]) from None
    if not is_whole:
        hint = "of very many tables, a tables_file that ends in .parquet takes least room"
        raise InputError([_whole_file(file, f"is larger than {MAX_BYTES >> 20} MiB", hint)])
    return text


def read_document(text: str, file: str) -> Document:
    """Read YAML (JSON is YAML) into plain values; ``file`` is what messages call it.

    Raises InputError with every fault of the text.
    """
    lines = _LINE_BREAK.split(text)
    composed = compose.compose(text)
    if composed.faults:
        raise InputError(
            [
                Diagnostic(
                    file, f.line, f.column, path_text(f.path), f.message, f.hint,
                    source_line(lines, f.line, f.column), code=f.code,
                )
                for f in composed.faults
            ]
        )  # fmt: skip
    digest = hashlib.sha256(text.encode()).hexdigest()
    return Document(composed.value, file, composed.place, lines, digest)


def source_line(lines: Sequence[str], line: int, column: int) -> str:
    """A line to show beside a fault: printable, and not endless."""
    if not 0 < line <= len(lines) or column > _WIDEST_SOURCE:
        return ""
    text = lines[line - 1].rstrip("\r")
    shown = "".join(c if c.isprintable() else " " for c in text[:_WIDEST_SOURCE])
    return shown + "..." if len(text) > _WIDEST_SOURCE else shown


def _whole_file(file: str, message: str, hint: str = "") -> Diagnostic:
    return Diagnostic(file, 0, 0, "", message, hint, code="file")
