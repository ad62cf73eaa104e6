"""What the executor's commands say beside their results; nothing of it steers a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from shardplan.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator


def tell(text: str) -> None:
    """Write a line to stderr."""
    click.echo(printable(text), err=True)


@contextmanager
def printable_usage() -> Iterator[None]:
    """Spell out in what click says of wrong usage what would steer a terminal."""
    try:
        yield
    except click.ClickException as error:
        vars(error).update(message=printable(error.message))
        raise
