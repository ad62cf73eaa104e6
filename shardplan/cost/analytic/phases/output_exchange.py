"""Seconds per unit of outputs, or their gradients, on the wire."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from shardplan.cost.analytic.linear_phase import LinearPhase
from shardplan.cost.analytic.reading_point import reading_bytes
from shardplan.cost.output_exchanges import output_exchanges
from shardplan.cost.output_route import OutputRoute
from shardplan.cost.output_wires import legs_of
from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.sharding.world import Extent
from shardplan.topology.collective import Collective, Scope
from shardplan.workload.wire.wire_collective import WireCollective

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from shardplan.cost.analytic.charge_groups import ChargeGroups
    from shardplan.cost.analytic.setting import Setting
    from shardplan.cost.analytic.units import Units
    from shardplan.cost.exchange import Exchange
    from shardplan.cost.phase import Phase
    from shardplan.sharding.kind import ShardingType
    from shardplan.workload.wire.wire_type import WireType


@dataclass(frozen=True, slots=True)
class _Leg:
    """One collective of a route."""

    seconds_per_byte: float
    """Of the outputs that a device has summed, as they travel."""
    wire: WireType

    def seconds_per_element(
        self, output_bytes: NDArray[np.int64], bytes_per_second: float
    ) -> NDArray[np.float64]:
        """(O,): of outputs of so many bytes, encoding and decoding included.

        Outputs that are narrower than a format of hardware travel as they are.
        """
        sizes = np.unique(output_bytes)
        codec = [self.wire.codec_seconds(size, bytes_per_second) for size in sizes.tolist()]
        sent = np.minimum(self.wire.element_bytes, output_bytes)
        coded = np.array(codec)[np.searchsorted(sizes, output_bytes)]
        found: NDArray[np.float64] = sent * self.seconds_per_byte + coded
        return found


@dataclass(frozen=True, slots=True)
class _Way:
    """What a route takes on this machine."""

    legs: tuple[_Leg, ...]
    once_seconds: float
    """Paid once for each group of tables that takes it."""
    slowest: Exchange
    """Of its collectives the one that takes longest."""


@dataclass(frozen=True, slots=True)
class OutputExchange(LinearPhase):
    """How outputs travel forward, or their gradients backward, at one wire format.

    An owner of whole rows (table-wise, column-wise) is charged for all that it sends,
    ``B * F * D`` elements in an all-to-all. What it receives needs no charge: where devices own
    ``m`` bytes of outputs each, device i sends ``m[i] * (W-1)/W`` and receives
    ``(sum(m) - m[i]) / W``, and since ``max(m) >= (sum(m) - min(m)) / (W-1)``, the largest sender
    is never faster than the largest receiver, wherever the tables are placed.

    Owners of a part of the rows hold partial sums for the whole batch: they are reduced and
    scattered over all devices (row-wise), or inside the node and then exchanged among peers of the
    other nodes (table-row-wise, grid). Shapes of the messages: Mudigere et al. 2021, arXiv
    2104.05158, section 4.

    Where nothing is pooled, each id's row is sent by the device that has it, whole, so that rows
    cut over all devices take the all-to-all too, and by the same reasoning the largest sender
    decides. Its receiver brings rows that came from all devices into the order of the ids, joins
    the columns of column shards, and gives each id its row where ids were made distinct: passes
    over its own outputs (torchrec 1.8, ``distributed/embedding.py``). So do means of parts of the
    rows, which are sums until all parts are there (``distributed/embeddingbag.py``). Over several
    nodes, what shards bring to other devices is charged to their owners, as if they were spread
    evenly.
    """

    rows_kind: ClassVar[Collective]
    """Of parts of the rows: reduce-scatter forward, all-gather backward."""
    is_forward: ClassVar[bool]
    start_seconds: float
    """Of the all-to-all over all devices, paid by every step: all but what it spends once."""
    ways: Mapping[tuple[OutputRoute, bool], _Way]
    """By route, and whether the outputs are pooled."""
    sweep_bytes_per_second: float
    """Of passes over outputs in memory."""
    expanding_seconds: float
    """To give each id its row, or to sum the gradients of each row, whatever the placement."""
    is_one_node: bool
    world_size: int
    devices_per_node: int

    @classmethod
    def of(cls, setting: Setting) -> Self:
        """Linearised at the outputs that a device has on average.

        Before those of several nodes are summed inside each, all its devices have all of its
        tables' outputs. Before those of all are, each has all outputs of as many tables as a plan
        cuts so: where that decides by which algorithm, their line is the one that is off least
        between one table and all.
        """
        collectives, rows_kind = setting.collectives, cls.rows_kind
        wires = setting.training.wires.at(is_forward=cls.is_forward)
        summed, exchanged = (
            setting.output_elements * wires[each].element_bytes
            for each in (WireCollective.REDUCE_SCATTER, WireCollective.POOLED_ALL_TO_ALL)
        )
        each, world_size = setting.topology.devices_per_node, setting.topology.world_size
        to_all = Collective.ALL_TO_ALL, Scope.ALL, _bytes_of_all(setting, wires)
        # Models that know no algorithms were made to be read at the mean of all devices.
        in_node = of_tables = summed
        if collectives.course(rows_kind, Scope.ALL, summed):
            in_node, most = summed * each, summed * world_size
            least = most / len(setting.workload.tables)
            of_tables = reading_bytes(collectives, rows_kind, Scope.ALL, least, most)
        of_all = rows_kind, Scope.ALL, of_tables
        inside = rows_kind, Scope.NODE, in_node
        across = Collective.ALL_TO_ALL, Scope.PEERS, exchanged
        inside_per_byte = collectives.average(*inside).seconds_per_byte
        across_per_byte = collectives.average(*across).seconds_per_byte / each
        slower = inside if inside_per_byte >= across_per_byte else across
        line, once = collectives.line(*to_all), collectives.once_seconds
        taken = {
            OutputRoute.WHOLE_ROWS: ((line.seconds_per_byte,), once(*to_all), to_all),
            OutputRoute.ROWS_OF_ALL: (
                (collectives.average(*of_all).seconds_per_byte,),
                once(*of_all),
                of_all,
            ),
            OutputRoute.ROWS_OF_NODE: (
                (inside_per_byte, across_per_byte),
                once(*inside) + once(*across),
                slower,
            ),
        }
        return cls(
            start_seconds=max(0.0, line.constant_seconds - once(*to_all)),
            ways={
                (route, is_pooled): _Way(
                    tuple(map(_Leg, per_byte, legs_of(route, wires, is_pooled=is_pooled))),
                    once_seconds,
                    collectives.exchange(*slowest),
                )
                for route, (per_byte, once_seconds, slowest) in taken.items()
                for is_pooled in (True, False)
            },
            sweep_bytes_per_second=setting.profile.dense_update_bytes_per_second,
            expanding_seconds=setting.expanding_seconds + _expanding_seconds(setting),
            is_one_node=setting.topology.nodes == 1,
            world_size=world_size,
            devices_per_node=each,
        )

    @property
    def phase(self) -> Phase:
        """Its constant is the start-up of the all-to-all, without the messages to peers."""
        slowest = {route: way.slowest for (route, _), way in self.ways.items()}
        return replace(
            self.about,
            constant_seconds=self.start_seconds + self.expanding_seconds,
            exchanges=output_exchanges(slowest),
            unpooled_exchanges=output_exchanges(slowest, is_pooled=False),
        )

    def charge_seconds(self, groups: ChargeGroups) -> NDArray[np.float64]:
        """(G,): what the collectives of each sharding type spend once."""
        ways = [self._way(kind, groups.is_pooled[module]) for module, kind in groups.pairs]
        return np.array([way.once_seconds if way else 0.0 for way in ways])

    def unit_seconds(self, units: Units, devices: int) -> NDArray[np.float64]:
        """(O,): to send what each unit has made, or to receive its gradients."""
        shares, kinds = units.shares, units.options.sharding
        per_element = np.zeros(len(kinds))
        for is_pooled in (True, False):
            for code, kind in enumerate(SHARDING_TYPES):
                way = self._way(kind, is_pooled)
                chosen = np.flatnonzero((kinds == code) & (shares.is_pooled == is_pooled))
                for leg in way.legs if way and len(chosen) else ():
                    per_element[chosen] += leg.seconds_per_element(
                        shares.output_bytes[chosen], self.sweep_bytes_per_second
                    )
        seconds: NDArray[np.float64] = shares.outputs * shares.columns * per_element
        of_ids = SHARDING_TYPES.each(self._seconds_per_byte_of_ids, kinds)
        seconds += shares.returned_bytes * shares.ids * of_ids
        return seconds + np.where(self._is_joined_by_all(units), 0.0, self._joining_seconds(units))

    def everywhere_seconds(self, units: Units) -> NDArray[np.float64]:
        """(O,): to join the columns of a unit with the others on each device of a single node."""
        return np.where(self._is_joined_by_all(units), self._joining_seconds(units), 0.0)

    def _joining_seconds(self, units: Units) -> NDArray[np.float64]:
        """(O,): for a device to read and write the outputs of its own samples that come in parts.

        Sums of parts of the rows, too, where they are to be means: each is divided where all parts
        are. So are those that are added to sums of hot rows, which never left. Of units on some of
        the devices of several nodes, that of all devices together.
        """
        shares, options = units.shares, units.options
        cut_rows = options.has_type(lambda kind: kind.cuts_rows)
        cut_columns = options.has_type(lambda kind: kind.cuts_columns)
        in_parts = np.where(shares.is_pooled, cut_rows & shares.is_mean, cut_rows | cut_columns)
        in_parts |= options.keep_hot_rows
        passed = 2 * shares.own_outputs * shares.columns * shares.output_bytes
        owed = np.ones(len(options))
        if not self.is_one_node:
            on_device = options.has_type(lambda kind: kind.lands is Extent.DEVICE)
            in_node = options.has_type(lambda kind: kind.lands is Extent.NODE)
            owed[on_device] = self.world_size
            owed[in_node] = self.world_size / self.devices_per_node
        return np.where(in_parts, passed * owed / self.sweep_bytes_per_second, 0.0)

    def _is_joined_by_all(self, units: Units) -> NDArray[np.bool_]:
        """(O,): whether what a unit on one device sends is joined on every device of its node."""
        return self.is_one_node & units.options.has_type(lambda kind: kind.lands is Extent.DEVICE)

    def _way(self, kind: ShardingType, is_pooled: bool) -> _Way | None:
        """None where nothing is sent."""
        return self.ways.get((OutputRoute.of(kind, is_pooled), is_pooled))

    def _seconds_per_byte_of_ids(self, kind: ShardingType) -> float:
        """Of what is sent for each id."""
        way = self._way(kind, is_pooled=False)
        return way.legs[0].seconds_per_byte if way else 0.0


def _bytes_of_all(setting: Setting, wires: Mapping[WireCollective, WireType]) -> float:
    """Of the all-to-all over all devices: what a device has of each kind of outputs."""
    pooled = wires[WireCollective.POOLED_ALL_TO_ALL].element_bytes
    of_ids = wires[WireCollective.SEQUENCE_ALL_TO_ALL].element_bytes
    if pooled == of_ids:
        return setting.output_elements * pooled
    return (
        setting.pooled_elements * pooled
        + (setting.output_elements - setting.pooled_elements) * of_ids
    )


def _expanding_seconds(setting: Setting) -> float:
    """For a device to read and write the row of each of its ids, where they were made distinct."""
    tables = setting.tables
    row_bytes = tables.dim * tables.output_bytes
    elements = float((tables.pooling * row_bytes)[tables.dedup].sum()) * setting.samples
    return 2 * elements / setting.profile.dense_update_bytes_per_second
