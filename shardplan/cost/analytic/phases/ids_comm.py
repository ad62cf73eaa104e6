"""Ids, their weights and lengths on their way to the devices that hold the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.analytic.memory import INDEX_BYTES
from shardplan.cost.phases import IDS_COMM
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.topology.collective import Collective, Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.exchange import Exchange
    from shardplan.cost.phase import Phase
    from shardplan.cost.profile.curves import Line


@dataclass(frozen=True, slots=True)
class IdsComm(LinearPhase):
    """An all-to-all over all devices; data-parallel ids stay where they are."""

    about = IDS_COMM
    all_to_all: Line
    exchange: Exchange

    @classmethod
    def of(cls, setting: Setting) -> Self:
        """Linearised at the ids that a device has on average."""
        to_all = Collective.ALL_TO_ALL, Scope.ALL, setting.id_bytes
        return cls(setting.collectives.line(*to_all), setting.collectives.exchange(*to_all))

    @property
    def phase(self) -> Phase:
        """Its constant is the start-up of the all-to-all."""
        return replace(
            self.about,
            constant_seconds=self.all_to_all.constant_seconds,
            exchanges={kind: self.exchange for kind in SHARDING_TYPES if not kind.is_replicated},
        )

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to receive ids, their weights and lengths of bags."""
        shares = units.shares
        received = shares.id_bytes * shares.ids + INDEX_BYTES * shares.bags
        replicated = units.options.has_type(lambda kind: kind.is_replicated)
        return np.where(replicated, 0.0, received * self.all_to_all.seconds_per_byte)
