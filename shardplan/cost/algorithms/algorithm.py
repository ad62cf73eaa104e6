"""What a collective across domains asks of an algorithm."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from shardplan.cost.algorithms.group import Group

INSIDE_BY_PARTS = {
    Collective.REDUCE_SCATTER: (Collective.REDUCE_SCATTER,),
    Collective.ALL_GATHER: (Collective.ALL_GATHER,),
    Collective.ALL_REDUCE: (Collective.REDUCE_SCATTER, Collective.ALL_GATHER),
}
"""Whose curves, one after the other, tell how long the bytes take inside a domain, where devices
pass them on and no switch sums them."""


@dataclass(frozen=True, slots=True)
class Hops:
    """How many hops follow one another before the last device has the first byte."""

    inside: int
    across: int


class Algorithm(ABC):
    """One way to run collectives across domains, as NCCL has them."""

    name: ClassVar[str]
    """As cost models name it."""
    about: ClassVar[str]
    """What the devices do."""
    collectives: ClassVar[frozenset[Collective]] = frozenset({Collective.ALL_REDUCE})
    """Those that it can run."""

    def is_offered(self, group: Group) -> bool:
        """Whether the switches of these domains can do what it needs."""
        return True

    @abstractmethod
    def hops(self, collective: Collective, group: Group) -> Hops:
        """Its start-ups in sequence."""

    @abstractmethod
    def across_share(self, collective: Collective, group: Group) -> float:
        """Bytes that a device sends to other domains, per byte of its buffer: of the busiest one,
        where the domain's devices share all that leaves it evenly.
        """

    def inside_as(self, collective: Collective) -> tuple[Collective, ...]:
        """The collectives inside a domain that take as long as its part there, in sequence."""
        return INSIDE_BY_PARTS[collective]


def bus_share(collective: Collective, ranks: int) -> float:
    """Bytes that a device moves per byte of its buffer, among ``ranks`` equal devices.

    ``(n - 1) / n`` of the buffer, twice for an all-reduce: the factors of nccl-tests' "bus
    bandwidth" (NVIDIA/nccl-tests, doc/PERFORMANCE.md).
    """
    share = (ranks - 1) / ranks
    return 2 * share if collective is Collective.ALL_REDUCE else share
