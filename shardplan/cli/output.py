"""Where text goes: data to stdout or a file, all else to stderr; nothing of it steers a terminal.

A file is written whole or not at all.
"""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

import click

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.printable import printable, printable_json, printable_line

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN_BARS = str.maketrans("█▉▊▋▌▍▎▏·", "#||||||| ")
"""Bars for terminals that have no blocks."""
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
"""What rich writes for a colour; reports have spelled out all else when they are rendered."""


def tell(text: str) -> None:
    """Write a line to stderr."""
    click.echo(printable(text), err=True)


def retell(text: str) -> None:
    """Write over the last line of a terminal on stderr, which stays open."""
    click.echo(f"\r\x1b[K{printable_line(text)}", err=True, nl=False)


def put(text: str) -> None:
    """Write a report to stdout, with bars and all else that its encoding lacks replaced.

    What would steer a terminal is spelled out, colours excepted.

    Raises InputError where stdout cannot be written, BrokenPipeError where nobody reads it.
    """
    parts = _COLOUR.split(text)
    parts[::2] = map(printable, parts[::2])
    text = "".join(parts)
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        data = text.translate(_PLAIN_BARS).encode(encoding, "replace")
    _put(data)


def put_json(value: Any) -> None:
    """Write a value to stdout as JSON. Raises as ``put`` does."""
    put(json_text(value))


def json_text(value: Any) -> str:
    """A value as JSON for people, in which no character steers a terminal."""
    return printable_json(json.dumps(value, indent=2, ensure_ascii=False)) + "\n"


def put_file(text: str, path: str) -> None:
    """Write a file's content to ``path``, or as UTF-8 to stdout where that is ``-``.

    Raises InputError where it cannot be written; an older file is then left as it was.
    """
    if path == "-":
        _put(printable(text).encode())
    else:
        from shardplan.files import write_atomically

        write_atomically(path, text)


def check_writable(path: str, reads: Iterable[str] = ()) -> None:
    """Raise InputError where ``put_file`` would surely fail, before long work is wasted.

    Also where ``path`` is one of the files that the command ``reads``, which it would lose.
    """
    from shardplan import files

    if path != "-":
        files.check_writable(path, reads)
        return
    try:
        sys.stdout.flush()
        files.check_stream(sys.stdout)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritten(error) from None


def _put(data: bytes) -> None:
    try:
        click.echo(data, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _unwritten(error) from None


def _unwritten(error: OSError) -> InputError:
    message = f"cannot write: {error.strerror or error}"
    return InputError([Diagnostic("<stdout>", 0, 0, "", message, code="write")])
