"""How queries are put together and cut before a worker takes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Batching:
    """A free worker takes all that waits, whole parts of queries in their order, up to a limit."""

    max_samples: int | None = None
    """Candidates of a batch; a part of a query that has more goes alone. None: each part of a query
    is a batch of its own."""
    max_delay_seconds: float = 0.0
    """That a worker waits for a batch to fill, from the arrival of its first query."""
    splits: tuple[int, ...] = ()
    """Of which one is chosen: the most candidates of a part, of which a query then has several.
    Empty: queries stay whole."""
