"""What a trainer does to an id before it looks up a row."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_BUCKETS = 2**31 - 1
"""Of a hash: the prime that its arithmetic is done by."""
_FACTOR = 48_271
_MIXERS = (65_537, 65_521)


class MappingKind(StrEnum):
    """How an id becomes the number of a row."""

    AS_IS = "as_is"
    """It is the row."""
    MOD = "mod"
    """Modulo a number of rows; of negative ids the remainder is positive."""
    HASH = "hash"
    """To one of a number of buckets, as evenly as chance has it."""
    DICTIONARY = "dictionary"
    """Looked up among the ids of the data; rare ones have a row together."""


@dataclass(frozen=True, slots=True)
class IdMapping:
    """A kind and its number: rows of ``mod`` and ``hash``, the least count of ``dictionary``."""

    kind: MappingKind = MappingKind.AS_IS
    number: int = 1

    @property
    def rows(self) -> int | None:
        """Rows of the table, where the mapping says."""
        return self.number if self.kind in (MappingKind.MOD, MappingKind.HASH) else None

    @property
    def is_dictionary(self) -> bool:
        """Whether ids become rows only once all are counted."""
        return self.kind is MappingKind.DICTIONARY

    @property
    def knows_rows(self) -> bool:
        """Whether a number found here is the row that the trainer has the id in."""
        return self.kind in (MappingKind.AS_IS, MappingKind.MOD)

    @property
    def has_rare(self) -> bool:
        """Whether rare ids share a row."""
        return self.is_dictionary and self.number > 1

    def row_of(self, ids: Any) -> Any:
        """The row of ids, as arithmetic that a column of any engine and a numpy array know.

        A dictionary needs all counts, and leaves ids as they are.
        """
        match self.kind:
            case MappingKind.MOD:
                return (ids % self.number + self.number) % self.number
            case MappingKind.HASH:
                return _hashed(ids) % self.number
            case _:
                return ids

    def rows_in(self, ids: NDArray[np.int64]) -> NDArray[np.int64]:
        """Distinct rows of an array of ids, ascending."""
        found: NDArray[np.int64] = np.unique(self.row_of(ids))
        return found[found >= 0] if self.kind is MappingKind.AS_IS else found


def _hashed(ids: Any) -> Any:
    """At least 0 and below the prime; no product leaves 64 bits.

    Not the trainer's own hash, but as even: collisions are as many as chance makes.
    """
    positive = (ids % MOST_BUCKETS + MOST_BUCKETS) % MOST_BUCKETS
    mixed = positive * _FACTOR % MOST_BUCKETS
    for mixer in _MIXERS:
        mixed = mixed * (mixed % mixer + 1) % MOST_BUCKETS
    return mixed
