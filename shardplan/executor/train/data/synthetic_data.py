"""Criteo-shaped samples with something to learn, the same over however many ranks."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from shardplan.executor.batch.jagged_batch import JaggedBatch
from shardplan.executor.tensors.random_numbers import table_key, uniform, uniform_double
from shardplan.executor.tensors.runs import offsets_of, runs_of
from shardplan.executor.train.engine import TrainingBatch
from shardplan.workload.access import Padded, Uniform, Zipf
from shardplan.workload.drawn.placed_rows import placed_rows, ranked_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from shardplan.executor.memory.hot_counts import HotCounts
    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.planned.planned_table import PlannedTable
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.workload.access import Padding, Pattern
    from shardplan.workload.row_distribution import RowDistribution

DENSE_FEATURES = 13
"""As in Criteo's data."""
_EXACT_ROWS = 1 << 16
_MOST_IDS = 1 << 12
"""Ids of a sample and feature have numbers of their own: an upper limit, for the counters."""
_LEAST_WEIGHT = 0.5
"""Of an id, where ids have weights: their mean is 1."""


class SyntheticData:
    """Sample ``i`` of the data is a hash of ``i``; its label depends on its ids and numbers.

    Ids hit rows as the access of their table says; of a feature that several tables read, as that
    of the table with the fewest rows, so that each id is a row of all. The hottest rows lie all
    over a table, elsewhere for each seed, or first where its ids are ``by_frequency``; padding is
    where its id says. Each row has a hidden score, which counts by the weight of its id where ids
    have weights, and so has each dense feature; the label is a coin thrown with the logistic of
    their sum.
    """

    def __init__(self, view: PlanView, samples: int, rank: int, seed: int = 0) -> None:
        """``samples`` of each rank and step."""
        self._view = view
        self._samples = samples
        self._rank = rank
        self._seed = seed

    def batches(self, first: int, steps: int) -> Iterator[TrainingBatch]:
        """This rank's batches of the steps from ``first`` on."""
        for step in range(first, first + steps):
            yield self.batch(step)

    def batch(self, step: int) -> TrainingBatch:
        """This rank's batch of a step."""
        start = (step * self._view.world_size + self._rank) * self._samples
        samples = torch.arange(start, start + self._samples)
        columns = torch.arange(DENSE_FEATURES)
        numbers = self._draw("dense", samples.unsqueeze(1) * DENSE_FEATURES + columns) * 2 - 1
        weights = self._draw("dense scores", columns) * 2 - 1
        score = numbers @ weights
        keys: list[str] = []
        values: list[Tensor] = []
        lengths: list[Tensor] = []
        of_ids: list[Tensor] = []
        for feature, readers in self._view.readers.items():
            ids, counts = self._ids(self._drawn_from(feature), feature, samples)
            bags = runs_of(torch.arange(len(samples)), counts)
            weights = self._weights(readers, feature, ids)
            for table in readers:
                scores = self._draw(f"scores of {table.name}", ids.ranks) * 2 - 1
                scores = scores * weights if table.is_weighted else scores
                score = score + torch.zeros(len(samples)).index_add_(0, bags, scores)
            keys.append(feature)
            values.append(ids.rows)
            lengths.append(counts)
            of_ids.append(weights)
        labels = self._draw("labels", samples) < torch.sigmoid(score)
        weighed = torch.cat(of_ids) if self._view.counts_weights else None
        batch = JaggedBatch(tuple(keys), torch.cat(values), torch.stack(lengths), weighed)
        return TrainingBatch(numbers, batch, labels.float())

    def hot_counts(self) -> dict[str, HotCounts]:
        """None: what of synthetic samples a cache holds is for the job to find out."""
        return {}

    def hot_ids(self) -> dict[str, NDArray[np.int64]]:
        """By ``module/table``, the hottest ids of tables that keep hot rows, hottest first.

        Where features draw fewer rows than are kept, rows that are never drawn come last.
        """
        return {
            f"{table.module}/{table.name}": self._hottest(table)
            for table in self._view.tables
            if table.keeps_hot_rows
        }

    def _hottest(self, table: PlannedTable) -> NDArray[np.int64]:
        """(replicated_rows,): by the ids that a sample is expected to have of each row, over all
        features of the table."""
        count = table.replicated_rows
        per_sample: dict[str, float] = defaultdict(float)
        drawn_from = {}
        for feature in table.features:
            drawn = self._drawn_from(feature)
            name = f"{drawn.module}/{drawn.name}"
            per_sample[name] += drawn.pooling_of(feature)
            drawn_from[name] = drawn
        found = [
            self._expected(drawn, count, per_sample[name]) for name, drawn in drawn_from.items()
        ]
        ids, first, which = np.unique(
            np.concatenate([rows for rows, _ in found]), return_index=True, return_inverse=True
        )
        expected = np.bincount(which, np.concatenate([of_rows for _, of_rows in found]))
        hottest = ids[np.lexsort((first, -expected))][:count]
        never_drawn = np.setdiff1d(np.arange(count), hottest)
        return np.concatenate([hottest, never_drawn[: count - len(hottest)]])

    def _expected(
        self, drawn: PlannedTable, most: int, per_sample: float
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """The hottest rows of a table, hottest first, and how many of so many ids hit each."""
        padding, (pattern, pooling) = _padding_of(drawn), _unpadded(drawn)
        ranked = ranked_rows(drawn.rows, drawn.ids, padding)
        ranks = np.arange(min(most, ranked))
        of_rows = pattern.distribution(ranked, pooling)
        classes = np.searchsorted(np.cumsum(of_rows.counts), ranks, side="right")
        chances = of_rows.probabilities[classes.clip(max=len(of_rows.counts) - 1)]
        key = self._key(f"rows of {drawn.module}/{drawn.name}")
        rows = placed_rows(ranks, drawn.rows, drawn.ids, padding, key)
        if padding is None:
            return rows, per_sample * chances
        shares = np.concatenate([[padding.share], (1 - padding.share) * chances])
        return np.concatenate([[padding.id], rows]), per_sample * shares

    def _drawn_from(self, feature: str) -> PlannedTable:
        """The table as whose access says ids of a feature are drawn."""
        return min(self._view.readers[feature], key=lambda each: each.rows)

    def _ids(self, table: PlannedTable, feature: str, samples: Tensor) -> tuple[_Ids, Tensor]:
        """Of all samples, and (samples,) how many each has."""
        mean = table.pooling_of(feature)
        whole = math.floor(mean)
        more = self._draw(f"lengths of {feature}", samples) < mean - whole
        counts = whole + more.long()
        firsts = runs_of(offsets_of(counts)[:-1], counts)
        place = torch.arange(int(counts.sum())) - firsts
        counters = runs_of(samples, counts) * _MOST_IDS + place
        padding = _padding_of(table)
        drawn = uniform_double(counters, self._key(f"ids of {feature}"))
        ranks = _ranks(table, ranked_rows(table.rows, table.ids, padding), drawn)
        key = self._key(f"rows of {table.module}/{table.name}")
        rows = torch.from_numpy(placed_rows(ranks.numpy(), table.rows, table.ids, padding, key))
        if padding is None:
            return _Ids(ranks, rows, counters), counts
        is_padding = self._draw(f"padding of {feature}", counters) < padding.share
        return (
            _Ids(
                torch.where(is_padding, table.rows, ranks),
                torch.where(is_padding, padding.id, rows),
                counters,
            ),
            counts,
        )

    def _weights(self, readers: Sequence[PlannedTable], feature: str, ids: _Ids) -> Tensor:
        """(ids,): of those of a feature, all 1 where no table that reads it counts by them."""
        if not any(table.is_weighted for table in readers):
            return torch.ones(len(ids.rows))
        return self._draw(f"weights of {feature}", ids.counters) + _LEAST_WEIGHT

    def _draw(self, what: str, counters: Tensor) -> Tensor:
        return uniform(counters, self._key(what))

    def _key(self, what: str) -> int:
        return table_key("synthetic data", what, self._seed)


@dataclass(frozen=True, eq=False, slots=True)
class _Ids:
    """The ids of a feature, sample by sample."""

    ranks: Tensor
    """(ids,): what scores go by: 0 for the hottest row, and for padding one beyond all rows."""
    rows: Tensor
    """(ids,): the ids themselves."""
    counters: Tensor
    """(ids,): by which whatever else is drawn of an id is told apart from all else."""


def _padding_of(table: PlannedTable) -> Padding | None:
    return table.access.padding if isinstance(table.access, Padded) else None


def _unpadded(table: PlannedTable) -> tuple[Pattern, float]:
    """How ids that are no padding hit rows, and how many a sample has."""
    if isinstance(table.access, Padded):
        return table.access.others, table.pooling * (1 - table.access.padding.share)
    return table.access, table.pooling


def _ranks(table: PlannedTable, rows: int, uniforms: Tensor) -> Tensor:
    """Of so many rows, 0 the hottest, those that ids hit which are no padding."""
    pattern, pooling = _unpadded(table)
    match pattern:
        case Zipf():
            return zipf_ids(uniforms, rows, pattern.exponent)
        case Uniform():
            return zipf_ids(uniforms, rows, 0.0)
        case _:
            return _ranks_of_classes(uniforms, rows, pattern.distribution(rows, pooling))


def _ranks_of_classes(uniforms: Tensor, rows: int, distribution: RowDistribution) -> Tensor:
    """Ranks whose chances are those of their classes, from fp64 in [0, 1)."""
    ends = np.cumsum(distribution.counts)
    below = np.cumsum(distribution.counts * distribution.probabilities)
    found = np.interp(uniforms.numpy() * below[-1], [0.0, *below], [0.0, *ends])
    return torch.from_numpy(found.astype(np.int64)).clamp(max=rows - 1)


def zipf_ids(uniforms: Tensor, rows: int, exponent: float) -> Tensor:
    """Ids whose chances fall as ``(id + 1) ** -exponent``, hottest first, from fp64 in [0, 1).

    The law is exact for the first rows, and beyond them an integral: the inverse of its
    distribution function gives the id.
    """
    head = min(rows, _EXACT_ROWS)
    chances = torch.arange(1, head + 1, dtype=torch.float64) ** -exponent
    below = chances.cumsum(0)
    tail = _mass(head + 0.5, rows + 0.5, exponent)
    drawn = uniforms * (float(below[-1]) + tail)
    ids = torch.searchsorted(below, drawn, right=True)
    rest = ids >= head
    if bool(rest.any()):
        ids[rest] = _beyond(drawn[rest] - below[-1], head, exponent)
    return ids.clamp(max=rows - 1)


def _mass(start: float, end: float, exponent: float) -> float:
    if exponent == 1:
        return math.log(end / start)
    return float((end ** (1 - exponent) - start ** (1 - exponent)) / (1 - exponent))


def _beyond(mass: Tensor, head: int, exponent: float) -> Tensor:
    """Ids from ``head`` on that so much of the tail lies before."""
    start = head + 0.5
    if exponent == 1:
        ends = start * torch.exp(mass)
    else:
        power = 1 - exponent
        ends = (start**power + mass * power) ** (1 / power)
    return (ends - 0.5).long()
