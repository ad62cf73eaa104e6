"""Where data goes: stdout, or a file that is written whole or not at all."""

from __future__ import annotations

import sys

import click

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError

_PLAIN_BARS = str.maketrans("█▉▊▋▌▍▎▏·", "#||||||| ")
"""Bars for terminals that have no blocks."""


def put(text: str) -> None:
    """Write a report to stdout, with bars and all else that its encoding lacks replaced.

    Raises InputError where stdout cannot be written, BrokenPipeError where nobody reads it.
    """
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        data = text.encode(encoding)
    except UnicodeEncodeError:
        data = text.translate(_PLAIN_BARS).encode(encoding, "replace")
    _put(data)


def put_file(text: str, path: str) -> None:
    """Write a file's content to ``path``, or as UTF-8 to stdout where that is ``-``.

    Raises InputError where it cannot be written; an older file is then left as it was.
    """
    if path == "-":
        _put(text.encode())
    else:
        from shardplan.files import write_atomically

        write_atomically(path, text)


def check_writable(path: str) -> None:
    """Raise InputError where ``put_file`` would surely fail, before long work is wasted."""
    if path != "-":
        from shardplan import files

        files.check_writable(path)


def _put(data: bytes) -> None:
    try:
        click.echo(data, nl=False)
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"cannot write: {error.strerror or error}"
        raise InputError([Diagnostic("<stdout>", 0, 0, "", message, code="write")]) from None
