"""The dense gradients of data-parallel tables, summed over all devices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.analytic.memory import GRADIENT_ELEMENT_BYTES
from shardplan.cost.output_exchanges import exchange_of_replicas
from shardplan.cost.phases import ALL_REDUCE
from shardplan.topology.collective import Collective, Scope
from shardplan.workload.pipeline.cover import Cover

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.charge_groups import ChargeGroups
    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.exchange import Exchange
    from shardplan.cost.phase import Phase


_MARK_BYTES = 1
"""By which a device tells of a row whether it read it."""


@dataclass(frozen=True, slots=True)
class AllReduce(LinearPhase):
    """An all-reduce over all devices, of fp32 whatever the weights are; see ``Summing``."""

    about = ALL_REDUCE
    seconds_per_byte: float
    """Of the gradient: of all legs, and to select and to add up what only some devices send."""
    seconds_per_mark: float
    once_seconds: float
    exchange: Exchange
    """Of the leg that takes longest."""
    is_beside: bool
    """Whether the framework runs it beside the backward pass of the tables."""
    dense_seconds: float
    """Of the sums of dense layers that run there too."""
    sums_read_rows: bool
    """Whether rows that no device read are passed over, for a byte of each row."""

    @classmethod
    def of(cls, setting: Setting) -> Self:
        """Linearised at what a plan may replicate."""
        beside, summed = setting.sums_beside_backward, setting.summed
        flat = Collective.ALL_REDUCE, Scope.ALL, setting.summed_bytes
        return cls(
            summed.seconds_per_byte,
            _MARK_BYTES * setting.collectives.average(*flat).seconds_per_byte,
            summed.once_seconds,
            summed.exchange,
            beside,
            setting.dense.all_reduce_seconds if beside else 0.0,
            setting.sums_read_rows,
        )

    @property
    def phase(self) -> Phase:
        """Of data-parallel tables, and of dense layers where both hide together."""
        exchanges = exchange_of_replicas(self.exchange)
        if not self.is_beside:
            return replace(self.about, exchanges=exchanges)
        return replace(
            self.about,
            hides_behind=Cover.BACKWARD,
            constant_seconds=self.dense_seconds,
            exchanges=exchanges,
        )

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to sum the gradient of a data-parallel table; 0 for all others."""
        shares = units.shares
        rows = shares.rows_of_all if self.sums_read_rows else shares.shard_rows
        seconds = rows * shares.columns * GRADIENT_ELEMENT_BYTES * self.seconds_per_byte
        if self.sums_read_rows:
            seconds = seconds + shares.shard_rows * self.seconds_per_mark
        replicated = units.options.has_type(lambda kind: kind.is_replicated)
        return np.where(replicated, seconds, 0.0)

    def charge_seconds(self, groups: ChargeGroups) -> NDArray[np.float64]:
        """(G,): its start-up, for each module with a data-parallel table."""
        return np.array(
            [self.once_seconds if kind.is_replicated else 0.0 for _, kind in groups.pairs]
        )
