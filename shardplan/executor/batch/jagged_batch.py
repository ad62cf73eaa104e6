"""The sparse inputs of one rank's samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.tensors.tensor import Device, Tensor


class KeyedIds(Protocol):
    """What TorchRec's KeyedJaggedTensor says of itself."""

    def keys(self) -> Sequence[str]:
        """The features."""

    def values(self) -> Tensor:
        """(ids,): feature by feature, and sample by sample in each."""

    def lengths(self) -> Tensor:
        """(features x samples,): ids of each sample."""


@dataclass(frozen=True, slots=True)
class JaggedBatch:
    """For each feature, the ids of each sample: what TorchRec calls a KeyedJaggedTensor."""

    keys: tuple[str, ...]
    values: Tensor
    """(ids,) int64: feature by feature, and sample by sample in each."""
    lengths: Tensor
    """(features, samples) int64: ids of each sample."""

    @classmethod
    def of(cls, batch: JaggedBatch | KeyedIds) -> JaggedBatch:
        """The batch itself, or the ids that another kind of batch has."""
        if isinstance(batch, JaggedBatch):
            return batch
        keys = tuple(batch.keys())
        return cls(keys, batch.values().long(), batch.lengths().long().view(len(keys), -1))

    def to(self, device: Device) -> JaggedBatch:
        """The batch on a device."""
        return JaggedBatch(self.keys, self.values.to(device), self.lengths.to(device))

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return int(self.lengths.shape[1])

    def select(self, keys: Sequence[str]) -> JaggedBatch:
        """The features ``keys`` in that order. Raises ValueError where one is missing."""
        wanted = tuple(keys)
        if wanted == self.keys:
            return self
        missing = sorted(set(wanted) - set(self.keys))
        if missing:
            raise ValueError(f"the batch lacks the features {', '.join(missing)}")
        rows = torch.tensor([self.keys.index(key) for key in wanted], device=self.lengths.device)
        parts = self.values.split(self.lengths.sum(1).tolist())
        values = torch.cat([parts[row] for row in rows.tolist()])
        return JaggedBatch(wanted, values, self.lengths[rows])
