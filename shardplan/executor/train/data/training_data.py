"""Where samples come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from shardplan.executor.train.data.criteo_data import CriteoData
from shardplan.executor.train.data.synthetic_data import SyntheticData

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import ArrayLike

    from shardplan.executor.memory.hot_counts import HotCounts
    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.train.engine import TrainingBatch


class TrainingData(Protocol):
    """Samples by step."""

    def batches(self, first: int, steps: int) -> Iterator[TrainingBatch]:
        """This rank's batches of the steps from ``first`` on."""

    def hot_ids(self) -> Mapping[str, ArrayLike]:
        """Of tables that keep hot rows, the ids that come most often, as far as that is known."""

    def hot_counts(self) -> Mapping[str, HotCounts]:
        """Of tables with caches, the ids that come most often, where the job has named them."""


def training_data(
    path: Path | None,
    view: PlanView,
    samples: int,
    rank: int,
    seed: int,
    hot_ids: Path | None = None,
) -> TrainingData:
    """A Criteo file's samples, or synthetic ones without a file. Raises InputError.

    ``hot_ids`` is a folder that says which of the file's ids are hot; synthetic ones are known.
    """
    if path is not None:
        return CriteoData(path, view, samples, rank, hot_ids)
    return SyntheticData(view, samples, rank, seed)
