"""Which pairs of small tables would make one: joint rows beside the rows of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

MOST_JOINT_ROWS = 1_000_000
"""Rows of a product of two tables above which nobody would merge them."""
_WORTH = 2.0
"""Joint rows over the rows of the larger table up to which merging saves more than it costs."""


@dataclass(frozen=True, slots=True)
class JointRows:
    """Pairs of ids of two tables that stand together in a sample."""

    tables: tuple[str, str]
    rows: tuple[int, int]
    """Distinct ids of each."""
    joint_rows: int
    """Distinct pairs that were seen: fewer than there are, where a sample was counted."""

    @property
    def filled(self) -> float:
        """Share of all pairs that were seen."""
        return self.joint_rows / (self.rows[0] * self.rows[1])

    @property
    def growth(self) -> float:
        """Rows of the merged table over those of the larger of the two."""
        return self.joint_rows / max(self.rows)


def pairs_to_count(rows: dict[str, int]) -> list[tuple[str, str]]:
    """Pairs of tables whose product is small enough to merge, by their rows, in their order."""
    names = list(rows)
    return [
        (first, second)
        for at, first in enumerate(names)
        for second in names[at + 1 :]
        if rows[first] * rows[second] <= MOST_JOINT_ROWS
    ]


def merge_candidates(pairs: Iterable[JointRows]) -> list[JointRows]:
    """Those whose merged table has few more rows than the larger one, the least growth first.

    A lookup less per sample then costs hardly any memory. Two tables of which one has a single row
    are left out: there is nothing to look up.
    """
    worth = [pair for pair in pairs if min(pair.rows) > 1 and pair.growth <= _WORTH]
    return sorted(worth, key=lambda pair: (pair.growth, pair.tables))
