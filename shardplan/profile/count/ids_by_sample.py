"""How many samples read each id: what batches of whole samples touch in random order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.profile.binomial import untouched
from shardplan.profile.drift.id_sample import is_sampled, one_in_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_KEPT = 2**18
"""Ids of a batch that are kept, about: of sixteen batches, 64 MiB at most."""


class IdsBySample:
    """Of batches that are looked at, in how many of their samples each id is, however often there.

    Of ids a part by the id itself, where there are many, the same in all batches.
    """

    def __init__(self) -> None:
        self._ids = np.zeros(0, np.int64)
        self._samples = np.zeros(0, np.int64)
        self._one_in = 0
        self._batches: list[tuple[int, int]] = []
        self._repeats = False

    def see(self, ids: NDArray[np.int64], samples: NDArray[np.int64], count: int) -> None:
        """A batch of ``count`` samples: (n,) ids, and the sample of each."""
        if not self._one_in:
            self._one_in = one_in_of(len(ids), _MOST_KEPT)
        if self._one_in > 1:
            kept = is_sampled(ids, self._one_in)
            ids, samples = ids[kept], samples[kept]
        order = np.lexsort((samples, ids))
        ids, samples = ids[order], samples[order]
        is_first = np.append(True, (np.diff(ids) != 0) | (np.diff(samples) != 0))[: len(ids)]
        self._repeats |= not is_first.all()
        distinct, held = np.unique(ids[is_first], return_counts=True)
        self._batches.append((count, len(distinct)))
        together, of = np.unique(np.concatenate([self._ids, distinct]), return_inverse=True)
        summed = np.zeros(len(together), np.int64)
        np.add.at(summed, of, np.concatenate([self._samples, held]))
        self._ids, self._samples = together, summed

    @property
    def by_order(self) -> float | None:
        """Distinct ids of as many samples in random order, over those of batches as they come.

        By rarefaction of samples, all of those seen: an id that a sample has many times is in it
        once. None where no id is twice in a sample, or fewer than two batches tell.
        """
        observed = sum(distinct for _, distinct in self._batches)
        if not self._repeats or len(self._batches) < 2 or not observed:
            return None
        all_ = sum(count for count, _ in self._batches)
        held, ids = np.unique(self._samples, return_counts=True)
        expected = [
            float(np.dot(ids, 1 - untouched(held, count, all_))) for count, _ in self._batches
        ]
        return sum(expected) / observed
