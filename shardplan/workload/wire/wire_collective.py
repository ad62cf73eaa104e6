"""The collectives whose formats can be told apart."""

from __future__ import annotations

from enum import StrEnum


class WireCollective(StrEnum):
    """What travels, by a name that follows TorchRec's ``CommOp``."""

    POOLED_ALL_TO_ALL = "pooled_all_to_all"
    """Pooled outputs of whole rows; between nodes also those whose parts were summed in a node."""
    REDUCE_SCATTER = "reduce_scatter"
    """Parts of pooled outputs that are summed on their way; their gradients are gathered."""
    SEQUENCE_ALL_TO_ALL = "sequence_all_to_all"
    """A row for each id."""
