"""The dense gradients of data-parallel tables, summed over all devices."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.analytic.memory import GRADIENT_ELEMENT_BYTES
from shardplan.cost.output_exchanges import exchange_of_replicas
from shardplan.cost.phase import Cover
from shardplan.cost.phases import ALL_REDUCE
from shardplan.topology.collective import Collective, Scope

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
        """Linearised at what a plan may replicate; see ``_at_bytes``."""
        collectives, beside = setting.collectives, setting.sums_beside_backward
        at_bytes, summing = _at_bytes(setting), setting.summing
        per_byte = summing.moved_share / setting.profile.dense_update_bytes_per_second
        once = 0.0
        seconds = []
        for leg in summing.legs:
            what = leg.collective, leg.scope, leg.share * at_bytes
            per_byte += leg.share * collectives.average(*what).seconds_per_byte
            once += collectives.once_seconds(*what)
            seconds.append((collectives.seconds(*what), collectives.exchange(*what)))
        flat = Collective.ALL_REDUCE, Scope.ALL, at_bytes
        return cls(
            per_byte,
            _MARK_BYTES * collectives.average(*flat).seconds_per_byte,
            once,
            max(seconds, key=lambda leg: leg[0])[1],
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


def _at_bytes(setting: Setting) -> float:
    """Of the gradients that are summed: the size at which a rate per byte is read.

    Those of all tables that fit on a device. For fewer bytes the rate is then too high, by some
    tens of microseconds in all; read at fewer bytes, all others would be charged the start-up of a
    collective again and again. Across domains the start-up is charged once, of an algorithm that is
    chosen by the size: there no more is taken than the outputs of a device, since it does not pay
    to replicate tables whose gradients exceed the outputs that need not be sent.
    """
    held_bytes = setting.replicable_weights * GRADIENT_ELEMENT_BYTES
    course = setting.collectives.course(Collective.ALL_REDUCE, Scope.ALL, held_bytes)
    if course is None:
        return held_bytes
    return min(held_bytes, setting.output_elements * GRADIENT_ELEMENT_BYTES)
