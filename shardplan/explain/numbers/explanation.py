"""What a plan costs and why, as numbers; how they are shown is not decided here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.validation.evidence import Evidence
    from shardplan.validation.step_range import StepRange
    from shardplan.whatif.worth.charge_prices import ChargePrice
    from shardplan.whatif.worth.more_hbm import MoreHbm


@dataclass(frozen=True, slots=True)
class TierUse:
    """Memory of one tier of one device or node."""

    used_bytes: int
    usable_bytes: int
    """After the reserve."""

    @property
    def fraction(self) -> float:
        """Used over usable; 1 where something is used of nothing."""
        if self.usable_bytes > 0:
            return self.used_bytes / self.usable_bytes
        return 1.0 if self.used_bytes else 0.0


@dataclass(frozen=True, slots=True)
class TierBytes:
    """Bytes in each memory tier."""

    hbm: int
    ddr: int
    ssd: int


@dataclass(frozen=True, slots=True)
class TierTraffic:
    """What moves between the tiers of memory in one step, and what caches spare."""

    hit_rate: float
    """Share of the lookups whose row is in HBM when the batch begins."""
    ddr_hit_rate: float
    """The same of HBM and DDR together; 1 where nothing lies on SSD."""
    host_bytes: int
    """Over host links, both directions."""
    ssd_bytes: int
    """Read of SSD and written to it, in whole pages."""


@dataclass(frozen=True, slots=True)
class Culprit:
    """A table that makes a phase long on the device that is slowest in it."""

    table: str
    seconds: float


@dataclass(frozen=True, slots=True)
class PhaseLine:
    """One phase of the step: it ends when its slowest device ends."""

    name: str
    meaning: str
    seconds: float
    """Of the slowest device."""
    mean_seconds: float
    imbalance: float
    """Slowest over mean: 1 where all devices are equally busy."""
    share: float
    """Of the step; 0 where the phase is hidden."""
    is_hidden: bool
    """It runs while the step waits for other phases, so it adds nothing to the step."""
    constant_seconds: float
    """Start-up that no placement avoids."""
    charge_seconds: float
    """Paid once for each group of tables in use, such as those of a sharding type."""
    rank: int | None
    """The slowest device; None where all spend the same."""
    tables: tuple[Culprit, ...]
    """What the slowest device spends most of the phase on."""
    evidence: Evidence | None
    """How the figures are known that decide it; None where the cost model does not tell."""


@dataclass(frozen=True, slots=True)
class DenseLine:
    """A part of what the step spends outside the tables, the same on all devices."""

    name: str
    meaning: str
    seconds: float
    evidence: Evidence | None
    """How the figures are known that decide it; None where the spec gave its time."""
    is_hidden: bool
    """Whether the step waits for what hides behind it instead."""


@dataclass(frozen=True, slots=True)
class DeviceLine:
    """Load and memory of one device."""

    rank: int
    busy_seconds: float
    """Over all phases that are not hidden."""
    phase_seconds: tuple[float, ...]
    """In the order of the explanation's phases."""
    hbm: TierUse
    memory_bytes: TierBytes
    """What it holds; DDR and SSD are its node's."""
    traffic: TierTraffic | None
    """None where the cost model does not predict it."""


@dataclass(frozen=True, slots=True)
class NodeLine:
    """Memory that the devices of a node share."""

    node: int
    ddr: TierUse
    ssd: TierUse


@dataclass(frozen=True, slots=True)
class TableLine:
    """Where one table went and what it costs there."""

    name: str
    module: str
    rows: int
    dim: int
    dtype: str
    pooling: float
    """Ids per sample."""
    sharding_type: str
    compute_kernel: str
    column_shards: int
    replicated_rows: int
    """The hottest rows, which lie on every device; 0 where none are kept so."""
    load_factor: float | None
    """Share of the rows that a cache in HBM holds; None without one."""
    ddr_load_factor: float
    """Share of the rows that a cache in DDR above SSD holds besides."""
    ranks: str
    """Such as ``0-7,12``."""
    device_count: int
    slowest_rank: int
    slowest_seconds: float
    """On its slowest device, over the phases that are not hidden."""
    total_seconds: float
    """Summed over all devices."""
    phase_seconds: tuple[float, ...]
    """On its slowest device, in the order of the explanation's phases."""
    memory_bytes: TierBytes
    """Over all devices: weights, optimizer state, caches and the buffers of its ids and outputs."""
    traffic: TierTraffic | None
    """Over all devices; None where the cost model does not predict it."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """A plan's cost, taken apart."""

    name: str
    topology: str
    cost_model: str
    framework: str | None
    """Whose own costs are counted; None: no framework's."""
    world_size: int
    devices_per_node: int
    objective: str
    objective_seconds: float
    lower_bound_seconds: float
    gap: float | None
    bound: str
    """Which lower bound held."""
    status: str
    termination: str
    method: str
    step_seconds: float
    step_range: StepRange | None
    """By published steps like it; None where the cost model is not held against any."""
    global_batch: int
    """Samples of one step over all devices."""
    samples_per_second: float | None
    """The global batch over the step; None for a step of no time."""
    balance_seconds: float
    dense_seconds: float
    dense_phases: tuple[DenseLine, ...]
    """What it is made of, where that is predicted."""
    is_dense_hidden: bool
    phases: tuple[PhaseLine, ...]
    devices: tuple[DeviceLine, ...]
    nodes: tuple[NodeLine, ...]
    tables: tuple[TableLine, ...]
    """The costliest first."""
    more_hbm: MoreHbm | None
    """What one more GiB of HBM would save; None where that is not known."""
    charges: tuple[ChargePrice, ...]
    """What is paid once for groups of tables, and what they save; empty where nothing is."""
    limits: tuple[str, ...]
    """What holds the step up, the longest phase first."""
    notes: tuple[str, ...]

    @property
    def node_count(self) -> int:
        """How many nodes."""
        return self.world_size // self.devices_per_node
