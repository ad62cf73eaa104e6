"""Seconds per unit of what goes over the wire: ids, pooled outputs, their gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.analytic.memory import GRADIENT_ELEMENT_BYTES, INDEX_BYTES
from shardplan.sharding.world import Extent
from shardplan.topology.collective import Collective, Scope

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.analytic.collectives import Collectives
    from shardplan.cost.analytic.shares import Shares, TableArrays
    from shardplan.cost.profile.curves import Line
    from shardplan.options.option_set import OptionSet
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class PooledExchange:
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

    element_bytes: int
    whole_rows: Line
    """The all-to-all over all devices; its constant is paid by every step."""
    all_rows: Line
    """Over all devices: reduce-scatter forward, all-gather backward."""
    node_rows: Line
    """The same among the devices of a node."""
    peers: Line
    """The all-to-all among the devices of the same local rank."""
    devices_per_node: int

    @classmethod
    def of(
        cls, collectives: Collectives, rows_kind: Collective, element_bytes: int, at_elements: float
    ) -> PooledExchange:
        """Make the lines at an operating point of ``at_elements`` elements per device."""
        at_bytes = at_elements * element_bytes
        return cls(
            element_bytes=element_bytes,
            whole_rows=collectives.line(Collective.ALL_TO_ALL, Scope.ALL, at_bytes),
            all_rows=collectives.average(rows_kind, Scope.ALL, at_bytes),
            node_rows=collectives.average(rows_kind, Scope.NODE, at_bytes),
            peers=collectives.average(Collective.ALL_TO_ALL, Scope.PEERS, at_bytes),
            devices_per_node=collectives.topology.devices_per_node,
        )

    def seconds(self, shares: Shares, options: OptionSet) -> NDArray[np.float64]:
        """(O,): what each unit adds on each device it lands on."""
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


@dataclass(frozen=True, slots=True)
class Communication:
    """All exchanges of a step, each as straight lines around the workload's operating point.

    The operating point is the buffer that a device would have if all tables were table-wise and
    perfectly balanced: ``B * sum(F * D) / W`` elements. The all-to-all is linearised by its tangent
    there, and its start-up is a constant of the phase; whether the other collectives run at all
    depends on the plan, so that their start-up is paid in proportion to their bytes.
    """

    ids: Line
    output: PooledExchange
    gradient: PooledExchange
    all_reduce: Line

    @classmethod
    def of(cls, collectives: Collectives, workload: Workload, tables: TableArrays) -> Communication:
        """Linearise the collectives around the workload's operating point."""
        samples = workload.global_batch / collectives.topology.world_size
        training = workload.training
        elements = samples * float((tables.features * tables.dim).sum())
        ids = samples * float((tables.pooling + tables.features).sum())
        forward, backward = training.comm_forward.bytes, training.comm_backward.bytes
        return cls(
            ids=collectives.line(Collective.ALL_TO_ALL, Scope.ALL, ids * INDEX_BYTES),
            output=PooledExchange.of(collectives, Collective.REDUCE_SCATTER, forward, elements),
            gradient=PooledExchange.of(collectives, Collective.ALL_GATHER, backward, elements),
            all_reduce=collectives.average(
                Collective.ALL_REDUCE, Scope.ALL, elements * GRADIENT_ELEMENT_BYTES
            ),
        )

    def ids_seconds(self, shares: Shares, options: OptionSet) -> NDArray[np.float64]:
        """(O,): to receive ids and lengths of bags; data-parallel ids stay where they are."""
        received = INDEX_BYTES * (shares.ids + shares.bags) * self.ids.seconds_per_byte
        return np.where(options.has_type(lambda kind: kind.is_replicated), 0.0, received)

    def all_reduce_seconds(self, shares: Shares, options: OptionSet) -> NDArray[np.float64]:
        """(O,): to sum the dense gradient of a data-parallel table; 0 for all others."""
        gradient = shares.shard_rows * shares.columns * GRADIENT_ELEMENT_BYTES
        seconds = gradient * self.all_reduce.seconds_per_byte
        return np.where(options.has_type(lambda kind: kind.is_replicated), seconds, 0.0)
