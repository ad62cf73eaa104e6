"""What was measured of a kind of device and its fabric, ready to compute with."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from shardplan.cost.dense.dense_rates import DenseRates
    from shardplan.cost.profile.curves import Curve
    from shardplan.cost.profile.phase_file import PhaseFile
    from shardplan.topology.collective import Collective
    from shardplan.topology.nic_traits import NicTraits

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
class ScaleUp:
    """Measured collectives inside one scale-up domain."""

    link_bytes_per_second: float
    """Of one device, one direction, on the machine that was measured."""
    curves: dict[tuple[Collective, int], Curve]
    """By collective and number of ranks."""

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

    def start_seconds(self, nodes: int) -> float:
        """Start-up latency of a collective that spans that many nodes."""
        return self.latency_seconds + nodes * self.latency_seconds_per_node

    def on(self, nics: NicTraits) -> ScaleOut:
        """The same, but for what a topology knows better of its own NICs."""
        return ScaleOut(
            efficiency=_known(nics.efficiency, self.efficiency),
            latency_seconds=_known(nics.latency_seconds, self.latency_seconds),
            latency_seconds_per_node=_known(
                nics.latency_seconds_per_node, self.latency_seconds_per_node
            ),
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
    dense: DenseRates | None = None
    """None: nothing is known of dense layers."""
    phase_files: tuple[PhaseFile, ...] = ()
    """What is said of phases that have keys of their own in a cost-model file."""

    def of_phase(self, kind: type[FileOfPhase]) -> FileOfPhase | None:
        """What is said of the phase whose file is of this kind; None where nothing is."""
        return next((file for file in self.phase_files if isinstance(file, kind)), None)

    def page_share(self, sample_bytes: float) -> float:
        """Of a page, what lies between the outputs of a sample and those of the next; at most 1."""
        return min(1.0, sample_bytes / self.page_bytes) if self.page_bytes else 0.0
