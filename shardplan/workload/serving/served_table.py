"""A table as it may be served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.workload.serving.pruned_rows import PrunedRows
    from shardplan.workload.serving.side import Side
    from shardplan.workload.serving.stored_format import StoredFormat
    from shardplan.workload.table import Table


@dataclass(frozen=True, slots=True)
class ServedTable:
    """A table, which side its features are on, and what the user says of formats for its rows."""

    table: Table
    side: Side
    losses: Mapping[StoredFormat, float]
    """Of quality, in the user's unit, of each format that is offered; 0 where nobody asks."""
    prunings: tuple[PrunedRows, ...] = ()
    """Ways to leave rows out that are offered, besides none."""
