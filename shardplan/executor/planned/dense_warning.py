"""A word, before training, on the embeddings of a model that no plan speaks of."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

from shardplan.model.dense_embeddings import dense_embeddings, dense_note

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shardplan.executor.planned.mismatch import TableOfPlan


def warn_of_dense(model: Any, tables: Iterable[TableOfPlan], rank: int) -> None:
    """On rank 0 warn once of a model's plain embeddings: they train right, but are nowhere cut."""
    if rank == 0 and (note := dense_note(dense_embeddings(model), tables)):
        warnings.warn(note, stacklevel=3)
