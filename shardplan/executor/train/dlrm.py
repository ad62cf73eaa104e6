"""The dense part of a small DLRM (Naumov et al. 2019): everything but its tables."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.tensors.tensor import Tensor

_HIDDEN = 64


class DenseLayers(torch.nn.Module):  # type: ignore[misc]
    """Bottom MLP, interaction, top MLP; logits of (samples,).

    Where all features have one dim, the interaction is the dot product of every pair of vectors;
    where dims differ, the vectors stand side by side.
    """

    def __init__(self, dense_features: int, dims: Sequence[int], seed: int = 0) -> None:
        """The same weights on every rank: they depend on the seed alone."""
        super().__init__()
        self._dims = list(dims)
        self._is_dotted = len(set(dims)) == 1
        width = self._dims[0]
        vectors = len(dims) + 1
        crossed = vectors * (vectors - 1) // 2 if self._is_dotted else sum(dims)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.bottom = _mlp([dense_features, _HIDDEN, width])
            self.top = _mlp([width + crossed, _HIDDEN, 1])

    def forward(self, dense: Tensor, pooled: Tensor) -> Tensor:
        """``pooled`` is (samples, sum of dims)."""
        bottom = self.bottom(dense).relu()
        crossed = self._dots(bottom, pooled) if self._is_dotted else pooled
        return self.top(torch.cat([bottom, crossed], 1)).squeeze(1)

    def _dots(self, bottom: Tensor, pooled: Tensor) -> Tensor:
        vectors = torch.cat([bottom, pooled], 1).view(len(pooled), -1, self._dims[0])
        products = vectors @ vectors.transpose(1, 2)
        rows, columns = torch.tril_indices(
            vectors.shape[1], vectors.shape[1], -1, device=pooled.device
        )
        return products[:, rows, columns]


def _mlp(sizes: Sequence[int]) -> torch.nn.Sequential:
    layers: list[torch.nn.Module] = []
    for wide, narrow in pairwise(sizes):
        layers += [torch.nn.Linear(wide, narrow), torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])
