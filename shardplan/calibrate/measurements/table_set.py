"""The tables of one measurement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.workload.table import Table


@dataclass(frozen=True, slots=True)
class TableSet:
    """Tables that one device looks up in one kernel, and the samples of its batch."""

    tables: tuple[Table, ...]
    batch: int
