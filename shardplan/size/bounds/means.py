"""The mean device of one size of a machine: what a bound in closed form is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.size.bounds.chain_floor import ChainFloor
from shardplan.size.bounds.cheapest import Cheapest
from shardplan.size.bounds.option_totals import OptionTotals

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.options.option_set import OptionSet
    from shardplan.size.bounds.chain_floor import ChainKey


@dataclass(frozen=True, eq=False, slots=True)
class Means:
    """A case whose options are priced; with groups of devices, one of the groups."""

    totals: OptionTotals
    floors: Mapping[ChainKey, ChainFloor]
    devices: int
    offered_bytes: NDArray[np.float64]
    """(3,): of each tier, of all devices and nodes together, after what every plan needs."""

    @classmethod
    def of(cls, case: Case, options: OptionSet, *, unpadded: bool = False) -> Self:
        """Price options, which need not be legal on this size; ``unpadded``, at most what they
        would take if row blocks were not rounded up."""
        topology, free = case.topology, case.capacity.free_bytes
        places = np.array([topology.world_size, topology.nodes, topology.nodes])
        totals = OptionTotals.of(case, options)
        return cls(
            totals.unpadded(case, options) if unpadded else totals,
            ChainFloor.of_all(case),
            topology.world_size,
            free.clip(min=0.0) * places,
        )

    def chain_seconds(self, phases: frozenset[str]) -> NDArray[np.float64]:
        """(O,): what each option adds to some phases, summed over all devices."""
        inside = np.array([name in phases for name in self.totals.phases], dtype=bool)
        found: NDArray[np.float64] = self.totals.seconds[:, inside].sum(axis=1)
        return found

    def cheapest(self, chain: ChainKey) -> Cheapest:
        """The options that make a chain shortest, summed over all devices."""
        totals = self.totals
        cost = self.chain_seconds(self.floors[chain].phases)
        return Cheapest.of(cost, totals.memory_bytes, self.offered_bytes, totals.starts)
