"""Seconds per unit of pooled outputs, or their gradients, on the wire."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.pooled_exchanges import pooled_exchanges
from shardplan.sharding.world import Extent
from shardplan.topology.collective import Collective, Scope

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from shardplan.cost.analytic.charge_groups import ChargeGroups
    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.exchange import Exchange
    from shardplan.cost.phase import Phase
    from shardplan.cost.profile.curves import Line
    from shardplan.sharding.kind import ShardingType
    from shardplan.workload.dtype import Dtype
    from shardplan.workload.training import Training


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
    whole_rows: Line
    """The all-to-all over all devices; its constant is paid by every step, but for what is spent
    once."""
    all_rows: Line
    """``rows_kind`` over all devices."""
    node_rows: Line
    """The same among the devices of a node."""
    peers: Line
    """The all-to-all among the devices of the same local rank."""
    devices_per_node: int
    once_seconds: Mapping[Extent, float]
    """What the collectives spend once, by what the rows of a table are cut over."""
    exchanges: Mapping[ShardingType, Exchange]
    """By sharding type, the collective that takes longest."""

    @classmethod
    @abstractmethod
    def wire_dtype(cls, training: Training) -> Dtype:
        """The format on the wire."""

    @classmethod
    def of(cls, setting: Setting) -> Self:
        """Linearised at the outputs that a device has on average."""
        collectives, rows_kind = setting.collectives, cls.rows_kind
        element_bytes = cls.wire_dtype(setting.training).bytes
        at_bytes = setting.output_elements * element_bytes
        each = setting.topology.devices_per_node
        node_rows = collectives.average(rows_kind, Scope.NODE, at_bytes)
        peers = collectives.average(Collective.ALL_TO_ALL, Scope.PEERS, at_bytes)
        is_held_up_inside = node_rows.seconds_per_byte >= peers.seconds_per_byte / each
        inside = collectives.exchange(rows_kind, Scope.NODE, at_bytes)
        across = collectives.exchange(Collective.ALL_TO_ALL, Scope.PEERS, at_bytes)
        return cls(
            element_bytes=element_bytes,
            whole_rows=collectives.line(Collective.ALL_TO_ALL, Scope.ALL, at_bytes),
            all_rows=collectives.average(rows_kind, Scope.ALL, at_bytes),
            node_rows=node_rows,
            peers=peers,
            devices_per_node=each,
            once_seconds={
                Extent.DEVICE: collectives.once_seconds(Collective.ALL_TO_ALL, Scope.ALL, at_bytes),
                Extent.WORLD: collectives.once_seconds(rows_kind, Scope.ALL, at_bytes),
                Extent.NODE: collectives.once_seconds(rows_kind, Scope.NODE, at_bytes)
                + collectives.once_seconds(Collective.ALL_TO_ALL, Scope.PEERS, at_bytes),
            },
            exchanges=pooled_exchanges(
                collectives.exchange(Collective.ALL_TO_ALL, Scope.ALL, at_bytes),
                collectives.exchange(rows_kind, Scope.ALL, at_bytes),
                inside if is_held_up_inside else across,
            ),
        )

    @property
    def phase(self) -> Phase:
        """Its constant is the start-up of the all-to-all, without the messages to peers."""
        constant_seconds = self.whole_rows.constant_seconds - self.once_seconds[Extent.DEVICE]
        return replace(self.about, constant_seconds=constant_seconds, exchanges=self.exchanges)

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to send what each unit has summed, or to receive its gradients."""
        options, shares = units.options, units.shares
        buffer_bytes = shares.bags * shares.columns * self.element_bytes
        by_node = (
            self.node_rows.seconds_per_byte + self.peers.seconds_per_byte / self.devices_per_node
        )
        per_byte = np.select(
            [
                options.has_type(lambda kind: kind.is_replicated),
                options.has_type(lambda kind: kind.rows is Extent.WORLD),
                options.has_type(lambda kind: kind.rows is Extent.NODE),
            ],
            [0.0, self.all_rows.seconds_per_byte, by_node],
            default=self.whole_rows.seconds_per_byte,
        )
        seconds: NDArray[np.float64] = buffer_bytes * per_byte
        return seconds

    def charge_seconds(self, groups: ChargeGroups) -> NDArray[np.float64]:
        """(G,): what the collectives of each sharding type spend once."""
        return np.array(
            [
                0.0 if kind.is_replicated else self.once_seconds[kind.rows]
                for _, kind in groups.pairs
            ]
        )
