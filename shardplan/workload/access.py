"""How ids hit the rows of a table: what a spec says of it, and the distribution that it means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.workload import reuse, zipf
from shardplan.workload.row_distribution import RowDistribution

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every row is equally likely."""

    def distribution(self, rows: int, pooling: float) -> RowDistribution:
        """One class of all rows."""
        return RowDistribution(np.array([float(rows)]), np.array([1.0 / rows]))


@dataclass(frozen=True, slots=True)
class Zipf:
    """The k-th hottest row is read in proportion to ``k ** -exponent``, k from 1."""

    exponent: float

    def distribution(self, rows: int, pooling: float) -> RowDistribution:
        """The hottest rows one by one, the others in segments that widen with rank."""
        return zipf.distribution(self.exponent, rows)

    def distributions(self, rows: Sequence[int]) -> list[RowDistribution]:
        """The same of many tables, which takes a fraction of the time."""
        return zipf.distributions(self.exponent, rows)


@dataclass(frozen=True, slots=True)
class Cdf:
    """The share of accesses that the hottest rows draw, as points joined by straight lines."""

    points: tuple[tuple[float, float], ...]
    """(fraction of the rows, fraction of the accesses), both rising, the hottest rows first."""

    def distribution(self, rows: int, pooling: float) -> RowDistribution:
        """One class per stretch between points; stretches of less than a row are joined."""
        fraction, share = np.array(((0.0, 0.0), *self.points, (1.0, 1.0))).T
        edges = np.unique(np.concatenate([[0.0, rows], np.rint(fraction * rows)]))
        return RowDistribution.of(np.diff(edges), np.diff(np.interp(edges / rows, fraction, share)))


@dataclass(frozen=True, slots=True)
class Reuse:
    """How often the rows that one batch of 65,536 samples touches are touched in it.

    ``bins[0]`` is the share of the touched rows that are touched once, ``bins[1]`` twice,
    ``bins[i]`` more than ``2 ** (i - 1)`` and at most ``2 ** i`` times; the last bin is open.
    """

    bins: tuple[float, ...]

    def distribution(self, rows: int, pooling: float) -> RowDistribution:
        """One class per bin; in a batch of the reference size it gives the histogram's rows."""
        return reuse.distribution(self.bins, rows, pooling)


Pattern = Uniform | Zipf | Cdf | Reuse
"""How ids hit rows, but for padding; frozen and hashable."""


@dataclass(frozen=True, slots=True)
class Padding:
    """The id that fills what is left of lists that are made equally long."""

    id: int
    share: float
    """Of all ids of the table."""


@dataclass(frozen=True, slots=True)
class Padded:
    """A pattern of access, and among its ids those that are but padding: an atom at one row."""

    others: Pattern
    """How the other ids hit the other rows."""
    padding: Padding

    def distribution(self, rows: int, pooling: float) -> RowDistribution:
        """The padded row as a class of its own beside those of all others."""
        share = self.padding.share
        if rows == 1:
            return RowDistribution(np.ones(1), np.ones(1))
        found = self.others.distribution(rows - 1, pooling * (1 - share))
        return found.with_atom(share)


Access = Pattern | Padded
"""A pattern of access; frozen and hashable."""
