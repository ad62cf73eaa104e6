"""Hot rows as a table of their own, which is data-parallel."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.options.option_set import OptionSet
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shardplan.cost.analytic.hot.hot_reads import ColdReads
    from shardplan.cost.analytic.readings import BlockReadings
    from shardplan.cost.analytic.shares import Shares
    from shardplan.cost.analytic.units import Units
    from shardplan.sharding.world import World

    SharesOf = Callable[[OptionSet, BlockReadings], Shares]
    """What units of options hold and do, of given rows."""


@dataclass(frozen=True, eq=False, slots=True)
class Replicas:
    """What every device holds and does besides for n of some options."""

    of_option: NDArray[np.int64]
    """(n,): which ones, rising."""
    units: Units
    """(n,): as of data-parallel tables of that many rows."""


def replicated(
    options: OptionSet, hot: BlockReadings, shares_of: SharesOf
) -> tuple[OptionSet, Shares]:
    """The hot rows of options that keep some, as options and shares of their own."""
    many = len(options)
    alone = OptionSet.uncached(
        options.table,
        SHARDING_TYPES.codes([ShardingType.DATA_PARALLEL] * many),
        KERNELS.codes([Kernel.DENSE] * many),
        np.ones(many, dtype=np.int32),
    )
    return alone, replace(shares_of(alone, hot), shard_rows=options.hot_rows)


def sharded(options: OptionSet, cold: ColdReads, shares_of: SharesOf, world: World) -> Shares:
    """The other rows of such options.

    A device sends the sums of those bags alone of which it has any row, and gets its part of what
    all devices send on which the unit lands.
    """
    landed_on = SHARDING_TYPES.each(lambda kind: world.devices_of(kind.lands), options.sharding)
    others = shares_of(options, cold.readings)
    outputs = others.samples * cold.touched
    return replace(
        others,
        outputs=outputs,
        most_outputs=others.samples * cold.most_touched,
        own_outputs=outputs * landed_on / world.size,
    )
