"""A word, before training, on the embeddings of a model that no plan speaks of."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from shardplan.model.dense_embeddings import dense_embeddings, dense_note

if TYPE_CHECKING:
    from collections.abc import Iterable

    import torch

    from shardplan.executor.planned.mismatch import TableOfPlan


def warn_of_dense(model: torch.nn.Module, tables: Iterable[TableOfPlan], rank: int) -> None:
    """On rank 0 warn once of all plain embeddings, which train right but stand whole everywhere."""
    if rank == 0 and (note := dense_note(dense_embeddings(model), tables)):
        warnings.warn(note, stacklevel=3)
