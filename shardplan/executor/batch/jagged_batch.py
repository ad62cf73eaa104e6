"""The sparse inputs of one rank's samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.tensors.tensor import Device, Tensor


class KeyedIds(Protocol):
    """What TorchRec's KeyedJaggedTensor says of itself.

    Its ``weights_or_none``, ``variable_stride_per_key`` and ``inverse_indices_or_none`` are asked
    for too, where it has them.
    """

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
    weights: Tensor | None = None
    """(ids,) fp32: by what each id's row is multiplied; None where ids have no weights."""

    @classmethod
    def of(cls, batch: JaggedBatch | KeyedIds) -> JaggedBatch:
        """The batch itself, or the ids that another kind of batch has.

        Raises ValueError where there are no samples, where ids are no whole numbers, and where
        features have batches of their own size: samples would be told apart by nothing then.
        """
        if isinstance(batch, JaggedBatch):
            return batch
        keys, values, lengths = tuple(batch.keys()), batch.values(), batch.lengths()
        if _asked(batch, "variable_stride_per_key") or _asked(batch, "inverse_indices_or_none"):
            raise ValueError(
                "features with batches of their own size (stride_per_key_per_rank, inverse_indices)"
                " are not trained here: repeat each feature's ids for every sample"
            )
        if keys and lengths.numel() % len(keys):
            raise ValueError(f"{lengths.numel()} lengths are no batch of {len(keys)} features")
        if not lengths.numel():
            raise ValueError("the batch has no samples")
        if values.is_floating_point() or values.is_complex() or values.dtype == torch.bool:
            raise ValueError(f"ids are whole numbers; those of the batch are {values.dtype}")
        weights = _asked(batch, "weights_or_none")
        if weights is not None and not weights.is_floating_point():
            raise ValueError(f"weights of ids are floating-point numbers, not {weights.dtype}")
        return cls(
            keys,
            values.long(),
            lengths.long().view(len(keys), -1),
            None if weights is None else weights.float(),
        )

    def to(self, device: Device) -> JaggedBatch:
        """The batch on a device."""
        weights = None if self.weights is None else self.weights.to(device)
        return JaggedBatch(self.keys, self.values.to(device), self.lengths.to(device), weights)

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return int(self.lengths.shape[1])

    def select(self, keys: Sequence[str]) -> JaggedBatch:
        """The features ``keys`` in that order, one of them twice where two tables read it.

        Raises ValueError where one is missing.
        """
        wanted = tuple(keys)
        if wanted == self.keys:
            return self
        missing = sorted(set(wanted) - set(self.keys))
        if missing:
            raise ValueError(f"the batch lacks the features {', '.join(missing)}")
        rows = [self.keys.index(key) for key in wanted]
        counts = self.lengths.sum(1).tolist()

        def chosen(of_ids: Tensor) -> Tensor:
            parts = of_ids.split(counts)
            return torch.cat([parts[row] for row in rows])

        weights = None if self.weights is None else chosen(self.weights)
        lengths = self.lengths[torch.tensor(rows, device=self.lengths.device)]
        return JaggedBatch(wanted, chosen(self.values), lengths, weights)


def _asked(batch: KeyedIds, method: str) -> Tensor | None:
    """What an optional method answers; None where there is none."""
    found = getattr(batch, method, None)
    return None if found is None else found()
