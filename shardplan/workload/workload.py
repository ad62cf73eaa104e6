"""What is trained: the tables, the batch, the training settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.workload.table import Table
    from shardplan.workload.training import Training


@dataclass(frozen=True, slots=True)
class Workload:
    """The tables of a model and how they are trained.

    ``global_batch`` counts the samples of one step over all devices; it need not be a multiple of
    the world size.
    """

    name: str
    tables: tuple[Table, ...]
    global_batch: int
    training: Training
