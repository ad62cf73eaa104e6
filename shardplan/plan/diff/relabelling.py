"""That the new plan was compared under other names for its ranks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Relabelling:
    """Nodes, and devices of a node, are equal: plans that name them otherwise cost the same."""

    new_rank: tuple[int, ...]
    """Of each rank that the new plan writes, in order, what it is called here."""
    as_written_bytes: int
    """What would move with the new plan as it is written."""

    @property
    def renamed(self) -> int:
        """How many ranks have another name."""
        return sum(name != rank for rank, name in enumerate(self.new_rank))
