"""All pairs and triples of tables that might be merged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

NOBODY = -1
"""In place of the third member of a pair."""
_MOST_ROWS = 2**31 - 1
"""Of a merged table: GPUs look rows up by int32 in inference (FBGEMM)."""
_AT_ONCE = 2**20


@dataclass(frozen=True, eq=False, slots=True)
class Classes:
    """C kinds of tables, those of one alike but for their names."""

    kin: NDArray[np.int64]
    """(C,): only those of one kin may be merged."""
    rows: NDArray[np.float64]
    """(C,): rising."""
    row_bytes: NDArray[np.float64]
    """(C,)"""
    count: NDArray[np.int64]
    """(C,): tables of each."""

    def extra_bytes(self, members: NDArray[np.int64]) -> NDArray[np.float64]:
        """(G,): by how much the product of (G, 3) ``members`` is larger than they are."""
        there = members != NOBODY
        rows = np.where(there, self.rows[members], 1.0)
        width = np.where(there, self.row_bytes[members], 0.0)
        extra: NDArray[np.float64] = rows.prod(axis=1) * width.sum(axis=1) - (rows * width).sum(
            axis=1
        )
        return extra


@dataclass(frozen=True, eq=False, slots=True)
class Groups:
    """G sets of two or three classes, of which one table each is merged."""

    members: NDArray[np.int64]
    """(G, 3): classes, not falling; ``NOBODY`` in front of a pair."""
    extra_bytes: NDArray[np.float64]
    """(G,)"""
    left_out_bytes: float
    """Of those that were left out, the least extra bytes for each table saved; infinite where all
    are there."""

    @property
    def saved(self) -> NDArray[np.int64]:
        """(G,): by how many tables each makes fewer."""
        saved: NDArray[np.int64] = (self.members != NOBODY).sum(axis=1) - 1
        return saved

    def only(self, these: NDArray[np.bool_]) -> Groups:
        """Some of them."""
        return replace(self, members=self.members[these], extra_bytes=self.extra_bytes[these])


def groups_of(classes: Classes, extra_at_most: float, limit: int) -> Groups:
    """All that take no more than ``extra_at_most`` bytes more; or the ``limit`` of them that take
    least for each table saved."""
    kept = _Kept(classes, extra_at_most, limit)
    for kin in np.unique(classes.kin).tolist():
        own = np.flatnonzero(classes.kin == kin)
        pairs = _pairs(kept, own)
        kept.add(pairs)
        _add_triples(kept, own, pairs)
    return Groups(kept.members, kept.extra, kept.left_out)


class _Kept:
    """The groups that save tables for least, as far as they were seen."""

    def __init__(self, classes: Classes, extra_at_most: float, limit: int) -> None:
        self.classes, self.limit, self._extra_at_most = classes, limit, extra_at_most
        self.members = np.zeros((0, 3), dtype=np.int64)
        self.extra = np.zeros(0)
        self.left_out = float("inf")
        """Bytes for each table saved, of those that were left out, at least."""

    def at_most(self, saved: int) -> float:
        """Extra bytes from which on a group that saves so many tables is of no use, or too dear."""
        return min(self._extra_at_most, saved * self.left_out)

    def add(self, members: NDArray[np.int64]) -> None:
        """Take in those of (G, 3) ``members`` for which there are bytes, ids and tables."""
        found = members[_is_allowed(self.classes, members)]
        extra = self.classes.extra_bytes(found)
        fits = extra <= self._extra_at_most
        self.members = np.concatenate([self.members, found[fits]])
        self.extra = np.concatenate([self.extra, extra[fits]])
        if len(self.extra) <= self.limit:
            return
        each = self.extra / ((self.members != NOBODY).sum(axis=1) - 1)
        order = np.argsort(each, kind="stable")
        self.left_out = min(self.left_out, float(each[order[self.limit]]))
        self.members = self.members[order[: self.limit]]
        self.extra = self.extra[order[: self.limit]]


def _pairs(kept: _Kept, own: NDArray[np.int64]) -> NDArray[np.int64]:
    """(P, 3): all that are not too dear, the cheapest first."""
    found = [np.zeros((0, 3), dtype=np.int64)]
    for at, first in enumerate(own.tolist()):
        others = own[at:]
        alone = np.full(len(others), NOBODY)
        pairs = np.stack([alone, np.full(len(others), first), others], axis=1)
        found.append(pairs[kept.classes.extra_bytes(pairs) <= kept.at_most(2)])
    pairs = np.concatenate(found)
    cheapest: NDArray[np.int64] = pairs[np.argsort(kept.classes.extra_bytes(pairs), kind="stable")]
    return cheapest


def _add_triples(kept: _Kept, own: NDArray[np.int64], pairs: NDArray[np.int64]) -> None:
    """From pairs, since no triple takes less than the pairs in it: what a pair of rows r, s and
    bytes a, b of each takes more, r a (s - 1) + s b (r - 1), grows with every one of them."""
    rows, width = kept.classes.rows, kept.classes.row_bytes
    step = max(1, _AT_ONCE // max(1, len(own)))
    for start in range(0, len(pairs), step):
        two = pairs[start : start + step, 1:]
        if kept.classes.extra_bytes(pairs[start : start + 1])[0] > kept.at_most(2):
            return
        product = rows[two].prod(axis=1)[:, None] * rows[own]
        stored = (rows[two] * width[two]).sum(axis=1)[:, None] + rows[own] * width[own]
        extra = product * (width[two].sum(axis=1)[:, None] + width[own]) - stored
        pair, third = np.nonzero((extra <= kept.at_most(2)) & (own >= two[:, 1:]))
        kept.add(np.concatenate([two[pair], own[third][:, None]], axis=1))


def _is_allowed(classes: Classes, members: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(G,): whether ids are few enough, and tables many enough."""
    there = members != NOBODY
    rows = np.where(there, classes.rows[members], 1.0).prod(axis=1)
    alike = (members[:, :, None] == members[:, None, :]).sum(axis=2)
    enough = (~there | (alike <= classes.count[members])).all(axis=1)
    allowed: NDArray[np.bool_] = enough & (rows <= _MOST_ROWS)
    return allowed
