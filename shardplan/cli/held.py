"""What a command leaves to the end of its process, when the system takes all memory back at once.

A plan of 100,000 tables is millions of objects: to free them one by one takes more than a second,
in which the command is done and yet does not end.
"""

from __future__ import annotations

import gc

import click


def hold(*objects: object) -> None:
    """Keep objects past the end of the command; of a command that runs in a program, they are
    freed as all others are."""
    context = click.get_current_context(silent=True)
    held = context.find_object(list) if context else None
    if held is not None:
        held += objects


def leave(held: list[object]) -> None:
    """Never free what is held, nor anything else that lives: the process is about to end."""
    held.append(held)  # Nobody else need know it, and
    gc.freeze()  # no garbage is looked for in what is there.
