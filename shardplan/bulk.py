"""Work that makes very many objects, and no garbage."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def in_bulk() -> Iterator[None]:
    """Leave the garbage alone inside the block, or the decorated function.

    A spec, a plan or a case of 100,000 tables is millions of objects, all of them in use: looking
    for some that are not takes up to half of the time.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            if not gc.get_freeze_count():
                # What was made counts as old from here on, and is not looked through at once.
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def leave(held: list[object]) -> None:
    """Never free what is held, nor look for garbage in anything that lives: the process is about to
    end, when the system takes all memory back at once.

    To free the objects of 100,000 tables one by one takes more than a second.
    """
    held.append(held)  # Whatever else lets go of it,
    gc.freeze()  # nobody comes to take it away.
