"""What was measured of a kind of device and its fabric, ready to compute with."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import log
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from shardplan.cost.profile.corrections import Corrections
from shardplan.cost.profile.curves import Curve
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.cost.dense.dense_rates import DenseRates
    from shardplan.cost.profile.algorithm_costs import AlgorithmCosts
    from shardplan.cost.profile.phase_file import PhaseFile
    from shardplan.topology.measured.machine_curves import MeasuredCurve
    from shardplan.topology.topology import Topology

FileOfPhase = TypeVar("FileOfPhase", bound="PhaseFile")


@dataclass(frozen=True, slots=True)
class LookupRates:
    """Seconds per unit of each of the sums that lookups and updates are linear in."""

    per_table: float = 0.0
    per_id: float = 0.0
    per_read_byte: float = 0.0
    per_cached_byte: float = 0.0
    per_fetch: float = 0.0
    per_unique_row: float = 0.0
    per_unique_byte: float = 0.0
    per_output_byte: float = 0.0
    per_gathered_byte: float = 0.0


@dataclass(frozen=True, slots=True)
class HostEfficiency:
    """Share of the path to host memory that a kernel attains; 0: it does not wait for it."""

    read: float
    """For bytes read past the on-chip cache."""
    unique: float
    """For bytes of the distinct rows."""


@dataclass(frozen=True, slots=True)
class KernelCosts:
    """A fused kernel over all tables of a device: the forward lookup, or the backward update."""

    launch_seconds: float
    hbm: LookupRates
    ddr: LookupRates
    """Without what the path to host memory costs, which depends on the topology."""
    ddr_path: HostEfficiency


@dataclass(frozen=True, slots=True)
class CacheCosts:
    """Caches of rows in HBM, above DDR or SSD."""

    per_id: float
    """Seconds to look an id up in the cache's directory, sorting and uniting all ids included."""
    path: float
    """Share of the path to host memory that is attained when missed rows take others' places."""
    ssd_page_bytes: int
    """The least that one read or write of an SSD moves."""
    ddr_entry_bytes: int
    """Of DDR, kept for each row of a cache there besides the row."""


@dataclass(frozen=True, slots=True)
class DynamicCosts:
    """Tables that are hash tables, besides what a fused kernel spends on rows in HBM."""

    per_id: float
    """Seconds to look an id up in the index, with making all ids distinct."""
    per_host_row: float
    """Seconds to fetch a row from the host, or to put one back, besides its bytes."""
    per_missed_row: float
    """Seconds to fetch a row that a cache lacks and put another back, besides their bytes."""
    path: float
    """Share of the path to host memory that rows attain."""


@dataclass(frozen=True, slots=True)
class ScaleUp:
    """Measured collectives inside one scale-up domain."""

    link_bytes_per_second: float
    """Of one device, one direction, on the machine that was measured."""
    curves: dict[tuple[Collective, int], Curve]
    """By collective and number of ranks."""

    @classmethod
    def of(cls, measured: Sequence[MeasuredCurve]) -> ScaleUp | None:
        """Of the curves of one machine; None where there are none."""
        if not measured:
            return None
        curves = {(each.collective, each.ranks): Curve.of(each) for each in measured}
        return cls(measured[0].bytes_per_second, curves)

    def knows(self, collective: Collective) -> bool:
        """Whether it was measured at all."""
        return any(kind is collective for kind, _ in self.curves)

    def curve(self, collective: Collective, ranks: int) -> tuple[int, Curve]:
        """The curve measured at the number of ranks nearest to ``ranks``, and that number."""
        measured = [n for kind, n in self.curves if kind is collective]
        nearest = min(measured, key=lambda n: (abs(log(n / ranks)), -n))
        return nearest, self.curves[collective, nearest]


@dataclass(frozen=True, slots=True)
class ScaleOut:
    """Collectives across scale-up domains, through the NICs."""

    efficiency: float
    """Share of the NICs' rate that is attained."""
    latency_seconds: float
    latency_seconds_per_node: float
    seconds_per_peer: float = 0.0
    """Of an all-to-all, for the message to each device of other domains, besides its bytes."""
    algorithms: tuple[AlgorithmCosts, ...] = ()
    """Of the other collectives; none: they cost the latency, and the bytes at the rate."""
    curves: tuple[MeasuredCurve, ...] = ()
    """As measured on some machine."""
    hop_seconds: float | None = None
    """Of each hop from domain to domain; None: as the algorithms have it."""

    def start_seconds(self, nodes: float) -> float:
        """Start-up latency of a collective that spans that many nodes."""
        return self.latency_seconds + nodes * self.latency_seconds_per_node

    def curve(self, collective: Collective, domains: int) -> MeasuredCurve | None:
        """That measured at the nearest number of domains; None where none tells of that many.

        What an all-to-all between two domains attains says nothing of one among more, where each
        device has many peers and flows cross in the network.
        """
        pair = 2
        told = [
            curve
            for curve in self.curves
            if curve.collective is collective
            and (
                collective is not Collective.ALL_TO_ALL
                or curve.domains > pair
                or domains <= curve.domains
            )
        ]
        return min(told, key=lambda curve: abs(log(curve.domains / domains)), default=None)

    def on(self, topology: Topology) -> ScaleOut:
        """The same, but for what a topology knows better of itself.

        Curves of the topology's own take the place of all others of their collectives; those of
        another machine do not count where the topology has figures of its own for its NICs.
        """
        nics, own = topology.nic_traits, topology.curves.scale_out
        measured = {curve.collective for curve in own}
        is_other_fabric = nics.efficiency is not None or nics.hop_seconds is not None
        others = () if is_other_fabric else self.curves
        return replace(
            self,
            efficiency=_known(nics.efficiency, self.efficiency),
            latency_seconds=_known(nics.latency_seconds, self.latency_seconds),
            latency_seconds_per_node=_known(
                nics.latency_seconds_per_node, self.latency_seconds_per_node
            ),
            seconds_per_peer=_known(nics.seconds_per_peer, self.seconds_per_peer),
            hop_seconds=nics.hop_seconds,
            curves=own + tuple(curve for curve in others if curve.collective not in measured),
        )


def _known(value: float | None, default: float) -> float:
    return default if value is None else value


@dataclass(frozen=True, slots=True)
class Profile:
    """All figures that the analytic cost model needs besides the topology and the workload."""

    name: str
    on_chip_cache_bytes: int
    """Of one device; 0 where every id's row is read from memory."""
    page_bytes: int
    """Of the memory's pages, for the rates of gathering; 0 where there are none."""
    lookup_forward: KernelCosts
    update_backward: KernelCosts
    dense_update_bytes_per_second: float
    """At which a whole table is swept, as for the update of a data-parallel one."""
    scale_up: ScaleUp
    scale_out: ScaleOut
    cache: CacheCosts | None
    """None: nothing is known of caches."""
    dynamic: DynamicCosts | None = None
    """None: nothing is known of dynamic tables."""
    dense: DenseRates | None = None
    """None: nothing is known of dense layers."""
    phase_files: tuple[PhaseFile, ...] = ()
    """What is said of phases that have keys of their own in a cost-model file."""
    corrections: Corrections = field(default_factory=Corrections)
    """By how much the other figures were off on a job."""

    def of_phase(self, kind: type[FileOfPhase]) -> FileOfPhase | None:
        """What is said of the phase whose file is of this kind; None where nothing is."""
        return next((file for file in self.phase_files if isinstance(file, kind)), None)

    def page_share(self, sample_bytes: float) -> float:
        """Of a page, what lies between the outputs of a sample and those of the next; at most 1."""
        return min(1.0, sample_bytes / self.page_bytes) if self.page_bytes else 0.0

    def page_shares(self, row_bytes: NDArray[np.int64]) -> NDArray[np.float64]:
        """(n,): the same of outputs of so many bytes, each of a sample or an id of its own."""
        shares = row_bytes / self.page_bytes if self.page_bytes else np.zeros(len(row_bytes))
        return np.minimum(shares, 1.0)
