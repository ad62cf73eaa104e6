"""A table that may be merged."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence


@dataclass(frozen=True, slots=True)
class Piece:
    """What of a table matters to how it is merged with those of its kin."""

    kin: Hashable
    rows: int
    row_bytes: int


def extra_bytes(pieces: Sequence[Piece], group: Sequence[int]) -> int:
    """By how much the product of some tables is larger than they are."""
    members = [pieces[at] for at in group]
    product = prod(each.rows for each in members) * sum(each.row_bytes for each in members)
    return product - sum(each.rows * each.row_bytes for each in members)
