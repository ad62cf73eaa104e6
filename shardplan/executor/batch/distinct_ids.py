"""The ids of a rank's batch, made distinct table by table before they travel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import torch

from shardplan.executor.batch.bags import Bags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.executor.tensors.tensor import Tensor


@dataclass(frozen=True, slots=True)
class DistinctIds:
    """Which ids a rank asks of each table, and which of them each id of its batch is."""

    tables: tuple[Bags, ...]
    """Of each table all ids of its features, each in a bag of its own."""

    @classmethod
    def of(cls, parts: Sequence[Tensor], readers: Sequence[range], rows: Sequence[int]) -> Self:
        """``parts`` are the ids of each feature; ``readers`` the features of each table."""
        ids = [torch.cat([parts[feature] for feature in of_table]) for of_table in readers]
        pairs = zip(ids, rows, strict=True)
        return cls(tuple(Bags(each, each, count).apart() for each, count in pairs))

    @property
    def asked(self) -> list[Tensor]:
        """Of each table the distinct ids, ascending."""
        return [bags.distinct.rows for bags in self.tables]

    @property
    def held_bytes(self) -> int:
        """Of what finds an id's row among the distinct ones."""
        return sum(bags.distinct.held_bytes + int(bags.ids.nbytes) for bags in self.tables)
