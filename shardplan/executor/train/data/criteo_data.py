"""Samples of a Criteo file: a label, 13 numbers and 26 categories."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import torch

from shardplan.executor.batch.jagged_batch import JaggedBatch
from shardplan.executor.train.data.criteo_lines import criteo_lines, fault
from shardplan.executor.train.data.hot_ids import hot_counts_of_tables
from shardplan.executor.train.data.synthetic_data import DENSE_FEATURES
from shardplan.executor.train.engine import TrainingBatch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.executor.memory.hot_counts import HotCounts
    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.train.data.criteo_lines import Line

_CATEGORIES = 26


class CriteoData:
    """The file's samples in order: step by step, and rank by rank in each; it is read in rounds.

    The plan's features take the categories in order. A missing number counts as 0, a missing
    category is a bag without ids, and an id is the category modulo the rows of its table, or of
    the smallest of those that read the feature. Where rows count by weights of ids, all are 1.
    """

    def __init__(
        self, path: Path, view: PlanView, samples: int, rank: int, hot_ids: Path | None = None
    ) -> None:
        """``hot_ids`` is a folder with the hottest ids of tables.

        Raises InputError where a file is not read, or the plan has too many features.
        """
        self._hot = {} if hot_ids is None else hot_counts_of_tables(hot_ids, view)
        self._path = path
        readers = view.readers
        self._keys = tuple(readers)
        if len(self._keys) > _CATEGORIES:
            raise fault(self._path, 0, f"has {_CATEGORIES} categories, the plan {len(self._keys)}")
        self._counts_weights = view.counts_weights
        self._ranks, self._rank, self._samples = view.world_size, rank, samples
        rows = [min(table.rows for table in tables) for tables in readers.values()]
        self._rows = torch.tensor(rows).unsqueeze(1)

    def batches(self, first: int, steps: int) -> Iterator[TrainingBatch]:
        """This rank's batches of the steps from ``first`` on."""
        lines = criteo_lines(self._path)
        skipped = (first * self._ranks + self._rank) * self._samples
        for _ in range(steps):
            mine = list(islice(lines, skipped, skipped + self._samples))
            yield self._batch(mine)
            skipped = (self._ranks - 1) * self._samples

    def hot_ids(self) -> dict[str, NDArray[np.int64]]:
        """As they were read."""
        return {name: found.ids for name, found in self._hot.items()}

    def hot_counts(self) -> dict[str, HotCounts]:
        """The same, with how often each was read where the file says so."""
        return self._hot

    def _batch(self, lines: list[Line]) -> TrainingBatch:
        labels, numbers, categories = [], [], []
        for number, fields in lines:
            if len(fields) != 1 + DENSE_FEATURES + _CATEGORIES:
                raise fault(self._path, number, f"has {len(fields)} fields, not 40")
            try:
                labels.append(float(fields[0]))
                numbers.append([float(each or 0) for each in fields[1 : 1 + DENSE_FEATURES]])
                used = fields[1 + DENSE_FEATURES :][: len(self._keys)]
                categories.append([int(each, 16) if each else -1 for each in used])
            except ValueError as error:
                raise fault(self._path, number, str(error)) from None
        ids = torch.tensor(categories).T
        present = ids >= 0
        values = (ids % self._rows)[present]
        weights = torch.ones(len(values)) if self._counts_weights else None
        sparse = JaggedBatch(self._keys, values, present.long(), weights)
        # Counts spread over many orders of magnitude.
        dense = torch.tensor(numbers).clamp(min=0).log1p()
        return TrainingBatch(dense, sparse, torch.tensor(labels))
