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
<<<<<<< HEAD
=======
    from shardplan.cost.analytic.collectives import Collectives
>>>>>>> main
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

    charge_seconds: float
    """Paid once for each group of tables that takes it."""
    seconds_per_byte: float
    """Of the outputs that a device has summed."""
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
<<<<<<< HEAD
    """Of the all-to-all over all devices, paid by every step: all but what it spends once."""
=======
    """Of the all-to-all over all devices, paid by every step; its messages to peers are not."""
>>>>>>> main
    ways: Mapping[PooledRoute, _Way]

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
<<<<<<< HEAD
=======
        to_all = collectives.line(Collective.ALL_TO_ALL, Scope.ALL, at_bytes)
        messages = collectives.once_seconds(Collective.ALL_TO_ALL, Scope.ALL, at_bytes)
        to_peers = collectives.once_seconds(Collective.ALL_TO_ALL, Scope.PEERS, at_bytes)
        of_all = _rows_of_all(collectives, rows_kind, at_bytes)
>>>>>>> main
        in_node = at_bytes * each if setting.topology.nodes > 1 else at_bytes
        inside = collectives.average(rows_kind, Scope.NODE, in_node).seconds_per_byte
        across = collectives.average(Collective.ALL_TO_ALL, Scope.PEERS, at_bytes)
        across_per_byte = across.seconds_per_byte / each
        slower = (
            (rows_kind, Scope.NODE)
            if inside >= across_per_byte
            else (Collective.ALL_TO_ALL, Scope.PEERS)
        )

        def way(
            seconds_per_byte: float, kind: Collective, scope: Scope, charge_seconds: float = 0.0
        ) -> _Way:
            slowest = collectives.exchange(kind, scope, at_bytes)
            return _Way(charge_seconds, seconds_per_byte, slowest)

        return cls(
            element_bytes=element_bytes,
<<<<<<< HEAD
            start_seconds=max(0.0, line.constant_seconds - once(*to_all)),
            ways={
                PooledRoute.WHOLE_ROWS: _Way(
                    line.seconds_per_byte, once(*to_all), collectives.exchange(*to_all)
=======
            start_seconds=max(0.0, to_all.constant_seconds - messages),
            ways={
                PooledRoute.WHOLE_ROWS: way(
                    to_all.seconds_per_byte, Collective.ALL_TO_ALL, Scope.ALL, messages
>>>>>>> main
                ),
                PooledRoute.ROWS_OF_ALL: way(
                    of_all.seconds_per_byte, rows_kind, Scope.ALL, of_all.constant_seconds
                ),
<<<<<<< HEAD
                PooledRoute.ROWS_OF_NODE: _Way(
                    inside_per_byte + across_per_byte,
                    once(*inside) + once(*across),
                    collectives.exchange(*slower),
                ),
=======
                PooledRoute.ROWS_OF_NODE: way(inside + across_per_byte, *slower, to_peers),
>>>>>>> main
            },
        )

    @property
    def phase(self) -> Phase:
<<<<<<< HEAD
        """Its constant is the start-up of the all-to-all, without the messages to peers."""
=======
        """Its constant is the start-up of the all-to-all."""
>>>>>>> main
        exchanges = pooled_exchanges({route: way.slowest for route, way in self.ways.items()})
        return replace(self.about, constant_seconds=self.start_seconds, exchanges=exchanges)

    def charge_seconds(self, groups: ChargeGroups) -> NDArray[np.float64]:
        """(G,): the start of a collective of their own, which all tables of a group share."""
        ways = [self.ways.get(PooledRoute.of(kind)) for _, kind in groups.pairs]
<<<<<<< HEAD
        return np.array([way.once_seconds if way else 0.0 for way in ways])
=======
        return np.array([way.charge_seconds if way else 0.0 for way in ways])
>>>>>>> main

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to send what each unit has summed, or to receive its gradients."""
        shares = units.shares
        per_byte = SHARDING_TYPES.each(self._seconds_per_byte, units.options.sharding)
        seconds: NDArray[np.float64] = shares.bags * shares.columns * self.element_bytes * per_byte
        return seconds

    def _seconds_per_byte(self, kind: ShardingType) -> float:
        way = self.ways.get(PooledRoute.of(kind))
        return way.seconds_per_byte if way else 0.0
<<<<<<< HEAD
=======


def _rows_of_all(collectives: Collectives, kind: Collective, at_bytes: float) -> Line:
    """A collective over all devices, for the outputs of those tables that are cut over them.

    Where its algorithm is known, with its start apart: rings over many nodes take longer to start
    than to send a table's outputs. Elsewhere the start is spread over the bytes.
    """
    if collectives.course(kind, Scope.ALL, at_bytes) is None:
        return collectives.average(kind, Scope.ALL, at_bytes)
    return collectives.line(kind, Scope.ALL, at_bytes)
>>>>>>> main
