"""Gradients of pooled outputs on their way to the devices that hold the rows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.analytic.phases.pooled_exchange import PooledExchange
from shardplan.cost.phases import GRADIENT_COMM
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.phase import Phase


@dataclass(frozen=True, slots=True)
class GradientComm(LinearPhase):
    """Gradients of sums of parts of the rows are gathered."""

    about = GRADIENT_COMM
    exchange: PooledExchange

    @classmethod
    def of(cls, setting: Setting) -> Self:
        """In the training's format on the wire."""
        element_bytes = setting.training.comm_backward.bytes
        return cls(PooledExchange.of(setting, Collective.ALL_GATHER, element_bytes))

    @property
    def phase(self) -> Phase:
        """Its constant is the start-up of the all-to-all."""
        constant_seconds = self.exchange.whole_rows.constant_seconds
        exchanges = self.exchange.exchanges
        return replace(self.about, constant_seconds=constant_seconds, exchanges=exchanges)

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to send what each unit has summed, or to receive its gradients."""
        return self.exchange.unit_seconds(units)
