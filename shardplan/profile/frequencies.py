"""How many ids of a table were read how often: all that order-free statistics need of the data."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.profile.binomial import binomial_shares, untouched

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_BINS = 17
"""Of a reuse histogram, as a spec has it."""


@dataclass(frozen=True, eq=False)
class Frequencies:
    """Frequencies of frequencies: ``ids[i]`` ids were read ``reads[i]`` times each.

    ``m`` accesses have at most ``sqrt(2 m)`` different numbers of reads, so that this stays small
    however many ids there are. Raises ValueError for arrays that count nothing so.
    """

    reads: NDArray[np.int64]
    """(C,): numbers of reads, each at least 1, ascending."""
    ids: NDArray[np.int64]
    """(C,): ids that were read that often, each at least 1."""

    def __post_init__(self) -> None:
        if self.reads.ndim != 1 or self.reads.shape != self.ids.shape:
            raise ValueError("reads and ids must be of one dimension and as long as each other")
        if (self.reads < 1).any() or (self.ids < 1).any() or (np.diff(self.reads) <= 0).any():
            raise ValueError("reads must rise from 1 or more, each with an id or more")

    @classmethod
    def of_counts(cls, counts: ArrayLike) -> Frequencies:
        """Of how often each id was read, in any order; ids that were not read are left out."""
        whole = np.asarray(counts, dtype=np.int64)
        reads, ids = np.unique(whole[whole > 0], return_counts=True)
        return cls(reads, ids.astype(np.int64))

    @cached_property
    def accesses(self) -> int:
        """Reads of all ids together: m."""
        return int(np.dot(self.reads, self.ids))

    @cached_property
    def rows_touched(self) -> int:
        """Distinct ids that were read: D."""
        return int(self.ids.sum())

    @property
    def read_once(self) -> int:
        """Ids that were read once: f1."""
        return int(self.ids[0]) if len(self.reads) and self.reads[0] == 1 else 0

    @property
    def unseen_share(self) -> float:
        """Share of further accesses that read an id not among these: ``f1 / m``.

        I. J. Good, "The population frequencies of species and the estimation of population
        parameters", Biometrika 40, 1953. 1 where nothing was read.
        """
        return self.read_once / self.accesses if self.accesses else 1.0

    def distinct_rows(self, draws: float) -> float:
        """Expected distinct ids among ``draws`` of these accesses, taken without replacement.

        ``sum(f_c * (1 - C(m - c, x) / C(m, x)))``, the exact rarefaction (S. H. Hurlbert, "The
        nonconcept of species diversity", Ecology 52, 1971): unbiased for a batch of as many
        accesses in random order. Raises ValueError beyond the accesses that there are.
        """
        if not 0 <= draws <= self.accesses:
            raise ValueError(f"there are {self.accesses:,} accesses, not {draws:,.0f}")
        touched = 1 - untouched(self.reads, draws, self.accesses)
        return float(np.dot(self.ids, touched))

    def distinct_rows_error(self, draws: float) -> float:
        """Standard error of :meth:`distinct_rows` as an estimate of the population's, in rows.

        ``sum(f_c * g_c ** 2)``, with ``g_c`` the chance to be touched, is the variance where each
        number of ids is Poisson (R. K. Colwell et al., Journal of Plant Ecology 5, 2012, without
        the last term, which needs the number of unseen ids, so that it is rather too large).
        """
        touched = 1 - untouched(self.reads, draws, self.accesses)
        return float(np.sqrt(np.dot(self.ids, touched**2)))

    def reuse(self, draws: float, bins: int = _BINS) -> NDArray[np.float64]:
        """(bins,): expected shares of the ids that ``draws`` accesses touch, by how often.

        ``sum(f_c * Binomial(c, x / m)(k))`` over the k of a bin: once, twice, 3 to 4 times, 5 to 8
        and so on; the last bin is open. Raises ValueError beyond the accesses that there are.
        """
        if not 0 < draws <= self.accesses:
            raise ValueError(f"there are {self.accesses:,} accesses, not {draws:,.0f}")
        share = draws / self.accesses
        found = np.zeros(bins)
        for reads, ids in zip(self.reads.tolist(), self.ids.tolist(), strict=True):
            found += ids * binomial_shares(reads, share, bins)
        shares: NDArray[np.float64] = found / found.sum()
        return shares

    def hottest_share(self, rows: int) -> float:
        """Share of the accesses that the ``rows`` hottest ids draw."""
        ids = np.concatenate([[0], np.cumsum(self.ids[::-1])])
        drawn = np.concatenate([[0], np.cumsum((self.ids * self.reads)[::-1])])
        return float(np.interp(rows, ids, drawn) / max(self.accesses, 1))
