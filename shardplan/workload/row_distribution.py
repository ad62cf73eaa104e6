"""How likely each row of a table is to be read, as classes of equally likely rows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class RowDistribution:
    """Classes of rows, hottest first; all rows of a class are equally likely to be read."""

    counts: NDArray[np.float64]
    """(C,): rows in each class; expected numbers, so they need not be whole."""
    probabilities: NDArray[np.float64]
    """(C,): the chance that one access reads one given row of the class."""

    @classmethod
    def of(cls, counts: NDArray[np.float64], shares: NDArray[np.float64]) -> RowDistribution:
        """Build from rows and share of accesses per class, in any order."""
        held = counts > 0
        if not held.all():
            counts, shares = counts[held], shares[held]
        probabilities = np.minimum(shares / counts, 1.0)
        if (probabilities[1:] <= probabilities[:-1]).all():
            return cls(counts, probabilities)
        hottest_first = np.argsort(-probabilities, kind="stable")
        return cls(counts[hottest_first], probabilities[hottest_first])

    @cached_property
    def _read_before(self) -> NDArray[np.float64]:
        """(C + 1,): share of the accesses that read the classes before each, and of all."""
        return _before(self.counts * self.probabilities)

    @cached_property
    def _log_unread(self) -> NDArray[np.float64]:
        """(C,): the logarithm of the chance that one access does not read one given row."""
        with np.errstate(divide="ignore"):  # a row that is always read: log(0), and is touched
            return np.log1p(-self.probabilities)

    def unique_rows(self, draws: float) -> float:
        """Expected number of distinct rows that ``draws`` independent accesses touch.

        ``sum(count * (1 - (1 - p) ** draws))``, exact for independent accesses; at most ``draws``
        and at most the number of rows, and never falls as ``draws`` grows.
        """
        if draws <= 0:
            return 0.0
        return float(min(draws, np.dot(self.counts, self.touched(draws))))

    def fetches(self, draws: float, cached_rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected accesses that a cache misses, of ``draws`` independent ones; by cache size.

        A cache of k rows is taken to hold the hottest of the rows that are touched, and to be empty
        at first: each of the k is missed once, each other row at every access. With room for all
        that are touched, these are the distinct rows; without room, all ``draws``. No replacement
        policy does better in the long run (Aho, Denning and Ullman, "Principles of optimal page
        replacement", 1971), and least recently used comes near on skewed accesses.
        """
        if draws <= 0:
            return np.zeros_like(cached_rows)
        touched, read = _before(self.counts * self.touched(draws)), self._read_before
        others = draws * (1 - np.interp(cached_rows, touched, read) / read[-1])
        once = np.minimum(cached_rows, touched[-1])
        found: NDArray[np.float64] = np.minimum(once + others, draws)
        return found

    def hottest_share(self, fraction: float) -> float:
        """Share of the accesses that read the hottest ``fraction`` of the rows."""
        rows = np.concatenate([[0.0], np.cumsum(self.counts)])
        accesses = np.concatenate([[0.0], np.cumsum(self.counts * self.probabilities)])
        found = np.interp(fraction * rows[-1], rows, accesses)
        return float(min(1.0, found / accesses[-1]))

    def hottest_rows(self, rows: float) -> RowDistribution:
        """The hottest rows as if they were a table, as the accesses that read them hit them."""
        before = np.concatenate([[0.0], np.cumsum(self.counts)[:-1]])
        counts = np.clip(rows - before, 0.0, self.counts)
        return RowDistribution.of(
            counts, counts * self.probabilities / np.dot(counts, self.probabilities)
        )

    def rows_between(self, start: float, end: float) -> RowDistribution:
        """Rows as a table of their own, as the accesses that read them hit them.

        They are counted from the hottest row on. Rows that are never read are as likely as one
        another.
        """
        edges = np.concatenate([[0.0], np.cumsum(self.counts)]).clip(start, end)
        counts = np.diff(edges)
        read = counts * self.probabilities
        shares = read / read.sum() if read.any() else counts / counts.sum()
        return RowDistribution.of(counts, shares)

    def with_atom(self, share: float) -> RowDistribution:
        """With one more row that draws this share of the accesses; these rows draw the rest."""
        counts = np.concatenate([[1.0], self.counts])
        read = (1 - share) * self.counts * self.probabilities
        return RowDistribution.of(counts, np.concatenate([[share], read]))

    def thinned(self, parts: float) -> RowDistribution:
        """One of as many equal parts, each with its part of the rows of every class."""
        return RowDistribution(self.counts / parts, np.minimum(self.probabilities * parts, 1.0))

    def distinct(self, draws: float) -> RowDistribution:
        """How likely rows are to be read by ids of which ``draws`` at a time were made distinct."""
        return RowDistribution.of(self.counts, self.counts * self.touched(draws))

    def block_shares(self, blocks: int) -> NDArray[np.float64]:
        """(S,): share of the accesses that each block of rows draws, where hot rows come first.

        Blocks are as TorchRec cuts them: all but the last ones of as many rows, rounded up.
        """
        rows = np.concatenate([[0.0], np.cumsum(self.counts)])
        accesses = np.concatenate([[0.0], np.cumsum(self.counts * self.probabilities)])
        edges = np.minimum(np.arange(blocks + 1) * np.ceil(np.rint(rows[-1]) / blocks), rows[-1])
        drawn = np.diff(np.interp(edges, rows, accesses))
        shares: NDArray[np.float64] = drawn / drawn.sum()
        return shares

    def touched(self, draws: float) -> NDArray[np.float64]:
        """(C,): the chance that ``draws`` accesses touch one given row of the class."""
        touched: NDArray[np.float64] = -np.expm1(-self.rates(draws))
        return touched

    def rates(self, draws: float) -> NDArray[np.float64]:
        """(C,): r, where ``exp(-r)`` is the chance that no access touches one given row.

        Less than one access is one that there is but sometimes.
        """
        if draws < 1:
            return -np.log1p(-draws * self.probabilities)
        return -draws * self._log_unread


def _before(of_class: NDArray[np.float64]) -> NDArray[np.float64]:
    """(C + 1,): the sum over the classes before each, and over all."""
    summed = np.zeros(len(of_class) + 1)
    np.cumsum(of_class, out=summed[1:])
    return summed
