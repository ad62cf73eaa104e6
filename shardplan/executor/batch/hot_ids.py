"""Ids of rows that every rank holds, told apart from those that are sent to the rows' ranks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from shardplan.executor.tensors.runs import runs_of

if TYPE_CHECKING:
    from shardplan.executor.planned.module_layout import ModuleLayout
    from shardplan.executor.tensors.tensor import Device, Tensor


@dataclass(frozen=True, slots=True)
class FeatureIds:
    """The ids of each feature, sample by sample."""

    ids: list[Tensor]
    """(ids,) int64 of each."""
    lengths: Tensor
    """(features, samples) int64."""
    weights: list[Tensor]
    """(ids,) of each; none where ids have no weights."""


class HotIds:
    """Which ids of the features of a module are hot; of most modules none."""

    def __init__(self, layout: ModuleLayout, device: Device) -> None:
        self._of_feature: dict[int, tuple[Tensor, Tensor]] = {}
        """Hot ids, ascending, and the row of each among the rows that every rank holds."""
        for index, table in enumerate(layout.tables):
            if table.keeps_hot_rows:
                hot, rows = torch.as_tensor(table.hot_part.hot_ids, device=device).sort()
                for feature in layout.features_of(index):
                    self._of_feature[feature] = hot, rows

    def split(self, given: FeatureIds) -> tuple[FeatureIds, FeatureIds]:
        """What is sharded, and what is looked up where it is: there hot ids are rows.

        Features without hot ids are whole in both.
        """
        if not self._of_feature:
            return given, given
        sent, kept = (
            FeatureIds(list(given.ids), given.lengths.clone(), list(given.weights))
            for _ in range(2)
        )
        samples = torch.arange(given.lengths.shape[1], device=given.lengths.device)
        for feature, (hot, rows) in self._of_feature.items():
            ids, lengths = given.ids[feature], given.lengths[feature]
            place = torch.searchsorted(hot, ids).clamp_(max=len(hot) - 1)
            is_hot = hot[place] == ids
            sample_of_id = runs_of(samples, lengths)
            kept.ids[feature] = rows[place[is_hot]]
            kept.lengths[feature] = torch.bincount(sample_of_id[is_hot], minlength=len(samples))
            sent.ids[feature] = ids[~is_hot]
            sent.lengths[feature] = lengths - kept.lengths[feature]
            if given.weights:
                kept.weights[feature] = given.weights[feature][is_hot]
                sent.weights[feature] = given.weights[feature][~is_hot]
        return sent, kept
