"""What one rank looks up of a batch, and how its ids came."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.executor.batch.bags import Bags
    from shardplan.executor.tensors.tensor import Tensor


@dataclass(frozen=True, slots=True)
class IdsRoute:
    """Which ids of a batch went where: the rows of single ids go the same way back."""

    sent: list[int]
    """Ids that this rank sent to each slot of every rank, rank after rank."""
    received: list[list[int]]
    """Of each rank, those that it sent to each slot of this one."""
    cut_order: Tensor | None
    """Of all features whose rows are cut, one behind the other: which id stands at each place of
    their pieces. None where no table's rows are cut."""


@dataclass(frozen=True, slots=True)
class TouchedBags:
    """Bags whose sums travel only where any of their ids did."""

    there: Tensor
    """(slots of all ranks that take such bags, samples) bool: own bags of which ids went there."""
    here: list[list[int]]
    """Of each such group of this rank, the bags of each rank of which ids came."""


@dataclass(frozen=True, slots=True)
class RankInputs:
    """What one rank looks up of a batch."""

    groups: tuple[Bags, ...]
    """Of each of the rank's groups, for the samples of all ranks in order."""
    replicated: tuple[Bags, ...]
    """Of each group of data-parallel tables, for the rank's own samples."""
    samples: int
    """Of one rank."""

    held_bytes: int
    """Of ids and lengths, the rank's own and those received, while the batch is in flight."""
    lengths: Tensor
    """(features, samples) int64: ids of the rank's own samples."""
    route: IdsRoute
    """How the ids came."""
    touched: TouchedBags | None = None
    """None where no rows are kept beside hot ones."""
