"""What each option of each table takes of all devices of a machine together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.planning.option_costs import mean_seconds, option_costs
from shardplan.planning.pace import Pace
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.sharding.world import Extent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.options.option_set import OptionSet


@dataclass(frozen=True, eq=False, slots=True)
class OptionTotals:
    """O options; T tables, each with the options of its number; P phases."""

    table: NDArray[np.int64]
    """(O,): rising, and every table has one."""
    seconds: NDArray[np.float64]
    """(O, P): summed over all devices, as if row blocks were read alike."""
    memory_bytes: NDArray[np.float64]
    """(O, 3): of each tier, summed over all devices."""
    phases: tuple[str, ...]

    @classmethod
    def of(cls, case: Case, options: OptionSet) -> Self:
        """Of options that need not be legal on as many devices."""
        phases = tuple(phase.name for phase in case.cost_model.phases)
        pace, world = Pace(), case.topology.world
        costs = option_costs(case, options, pace, np.eye(len(phases)))
        mean = costs.load_seconds
        uneven = np.array([table.is_uneven for table in case.workload.tables], dtype=bool)
        cut = options.has_type(lambda kind: kind.cuts_rows) & uneven[options.table]
        if cut.any():
            alike = mean_seconds(case, options, pace, len(phases))
            mean = np.where(cut[:, None], np.minimum(alike, mean), mean)
        width = SHARDING_TYPES.each(lambda kind: world.devices_of(kind.lands), options.sharding)
        units = options.units[:, None]
        seconds = mean * units * width[:, None]
        if costs.spill_seconds.any():
            alone = options.has_type(lambda kind: kind.lands is Extent.DEVICE)[:, None]
            others = units * (world.devices_per_node - 1) * alone
            seconds = seconds + costs.spill_seconds * others
        memory = costs.memory_bytes * units * width[:, None]
        return cls(options.table.astype(np.int64), seconds, memory, phases)

    def unpadded(self, case: Case, options: OptionSet) -> Self:
        """At most what row blocks would take if they had no more rows than there are: blocks are
        rounded up, so that 24 rows on 16 devices count as 32, and on 24 as 24."""
        rows = np.array([table.rows for table in case.workload.tables])[options.table]
        blocks = options.row_shards(case.topology.world)
        share = (rows / (blocks * -(-rows // blocks)))[:, None]
        return replace(self, seconds=self.seconds * share, memory_bytes=self.memory_bytes * share)

    @property
    def starts(self) -> NDArray[np.int64]:
        """(T,): where the options of each table begin."""
        return np.flatnonzero(np.diff(self.table, prepend=-1))
