"""Seconds per unit of pooled outputs, or their gradients, on the wire."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.pooled_exchanges import pooled_exchanges
from shardplan.cost.pooled_route import PooledRoute
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.topology.collective import Collective, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from shardplan.cost.analytic.charge_groups import ChargeGroups
    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.exchange import Exchange
    from shardplan.cost.phase import Phase
    from shardplan.sharding.kind import ShardingType
    from shardplan.workload.dtype import Dtype
    from shardplan.workload.training import Training


@dataclass(frozen=True, slots=True)
class _Way:
    """What a route takes on this machine."""

    seconds_per_byte: float
    """Of the outputs that a device has summed."""
    once_seconds: float
    """Paid once for each group of tables that takes it."""
    slowest: Exchange
    """Of its collectives the one that takes longest."""


@dataclass(frozen=True, slots=True)
class PooledExchange(LinearPhase):
    """How pooled outputs travel forward, or their gradients backward, at one wire format.

    An owner of whole rows (table-wise, column-wise) is charged for all that it sends,
    ``B * F * D`` elements in an all-to-all. What it receives needs no charge: where devices own
    ``m`` bytes of outputs each, device i sends ``m[i] * (W-1)/W`` and receives
    ``(sum(m) - m[i]) / W``, and since ``max(m) >= (sum(m) - min(m)) / (W-1)``, the largest sender
    is never faster than the largest receiver, wherever the tables are placed.

    Owners of a part of the rows hold partial sums for the whole batch: they are reduced and
    scattered over all devices (row-wise), or inside the node and then exchanged among peers of the
    other nodes (table-row-wise, grid). Shapes of the messages: Mudigere et al. 2021, arXiv
    2104.05158, section 4.
    """

    rows_kind: ClassVar[Collective]
    """Of parts of the rows: reduce-scatter forward, all-gather backward."""
    element_bytes: int
    start_seconds: float
    """Of the all-to-all over all devices, paid by every step: all but what it spends once."""
    ways: Mapping[PooledRoute, _Way]
    expanding_seconds: float = 0.0
    """On every device, of outputs of features with batches of their own size."""

    @classmethod
    @abstractmethod
    def wire_dtype(cls, training: Training) -> Dtype:
        """The format on the wire."""

    @classmethod
    def of(cls, setting: Setting) -> Self:
        """Linearised at the outputs that a device has on average.

        Before those of several nodes are summed inside each, all its devices have all of its
        tables' outputs.
        """
        collectives, rows_kind = setting.collectives, cls.rows_kind
        element_bytes = cls.wire_dtype(setting.training).bytes
        at_bytes = setting.output_elements * element_bytes
        each = setting.topology.devices_per_node
        to_all = Collective.ALL_TO_ALL, Scope.ALL, at_bytes
        of_all = rows_kind, Scope.ALL, at_bytes
        # Models that know no algorithms were made to be read at the mean of all devices.
        in_node = at_bytes * each if collectives.course(*of_all) else at_bytes
        inside = rows_kind, Scope.NODE, in_node
        across = Collective.ALL_TO_ALL, Scope.PEERS, at_bytes
        inside_per_byte = collectives.average(*inside).seconds_per_byte
        across_per_byte = collectives.average(*across).seconds_per_byte / each
        slower = inside if inside_per_byte >= across_per_byte else across
        line, once = collectives.line(*to_all), collectives.once_seconds
        return cls(
            element_bytes=element_bytes,
            start_seconds=max(0.0, line.constant_seconds - once(*to_all)),
            ways={
                PooledRoute.WHOLE_ROWS: _Way(
                    line.seconds_per_byte, once(*to_all), collectives.exchange(*to_all)
                ),
                PooledRoute.ROWS_OF_ALL: _Way(
                    collectives.average(*of_all).seconds_per_byte,
                    once(*of_all),
                    collectives.exchange(*of_all),
                ),
                PooledRoute.ROWS_OF_NODE: _Way(
                    inside_per_byte + across_per_byte,
                    once(*inside) + once(*across),
                    collectives.exchange(*slower),
                ),
            },
            expanding_seconds=setting.expanding_seconds,
        )

    @property
    def phase(self) -> Phase:
        """Its constant is the start-up of the all-to-all, without the messages to peers, and what
        outputs take to be expanded."""
        constant = self.start_seconds + self.expanding_seconds
        exchanges = pooled_exchanges({route: way.slowest for route, way in self.ways.items()})
        return replace(self.about, constant_seconds=constant, exchanges=exchanges)

    def charge_seconds(self, groups: ChargeGroups) -> NDArray[np.float64]:
        """(G,): what the collectives of each sharding type spend once."""
        ways = [self.ways.get(PooledRoute.of(kind)) for _, kind in groups.pairs]
        return np.array([way.once_seconds if way else 0.0 for way in ways])

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to send what each unit has summed, or to receive its gradients."""
        shares = units.shares
        per_byte = SHARDING_TYPES.each(self._seconds_per_byte, units.options.sharding)
        seconds: NDArray[np.float64] = shares.bags * shares.columns * self.element_bytes * per_byte
        return seconds

    def _seconds_per_byte(self, kind: ShardingType) -> float:
        way = self.ways.get(PooledRoute.of(kind))
        return way.seconds_per_byte if way else 0.0
