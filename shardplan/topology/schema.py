"""What a topology file may say."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from shardplan.sharding.device_kind import DeviceKind
from shardplan.spec.fields.border import Border, Name
from shardplan.spec.fields.figure import Figure, check_sources
from shardplan.spec.fields.quantities import (
    BytesPerSecond,
    Count,
    Flag,
    PerSecond,
    Seconds,
    Share,
    SomeBytes,
    Times,
)
from shardplan.spec.validation.fault import fault
from shardplan.topology.measured.curve_file import MachineCurvesFile
from shardplan.topology.measured.sourced import sourced

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.topology.measured.sourced import Sourced


_MOST_DEVICES = 100_000
"""Beyond this a topology is a slip of the pen."""
_MOST_PER_NODE = 1024
_VERTEX_KINDS = ("device", "port", "host", "switch", "nic", "core")


class Size(Figure[SomeBytes]):
    """A capacity."""


class Rate(Figure[BytesPerSecond]):
    """A bandwidth, of one direction."""


class Part(Figure[Share]):
    """A share of a rate."""


class Time(Figure[Seconds]):
    """A latency."""


class Trait(Figure[Flag]):
    """Whether a machine can do something."""


class Frequency(Figure[PerSecond]):
    """Events per second."""


class TierFile(Border):
    """One memory tier."""

    capacity: Size
    read: Rate
    """Bandwidth of sequential reads."""
    write: Rate | None = None
    """Bandwidth of sequential writes; the same as ``read`` where left out."""
    iops: Frequency | None = None
    """Random reads of one block per second, for tiers bound by them."""


class DeviceFile(Border):
    """One accelerator."""

    name: str = ""
    """The product."""
    kind: DeviceKind = DeviceKind.GPU
    """``gpu`` or ``cpu``: kernels for GPUs read rows of at most 2,048 columns."""
    hbm: TierFile
    """Its own memory."""
    host_link: Rate
    """Between it and the host, and the NICs behind the same port; each direction."""


class NodeFile(Border):
    """The memory of a node, shared by its devices."""

    ddr: TierFile | None = None
    """The host's memory."""
    ssd: TierFile | None = None
    """All local drives together."""


class ScaleUpKind(StrEnum):
    """How the devices of a scale-up domain are joined."""

    SWITCH = "switch"
    MESH = "mesh"


class ScaleUpFile(Border):
    """The fast links between the devices of a node, or of several nodes."""

    kind: ScaleUpKind
    """``switch``: each device has one link to a switch; ``mesh``: one link to each other device."""
    bandwidth: Rate
    """Of each such link, each direction."""
    nodes: Annotated[Count, Field(le=_MOST_DEVICES)] = 1
    """How many nodes one domain spans."""
    nvls: Trait | None = None
    """Whether the switch sums what passes it (NVLink SHARP), which helps all-reduces alone."""


class NicAttachment(StrEnum):
    """What the NICs hang off."""

    DEVICE = "device"
    CPU = "cpu"


class NicsFile(Border):
    """The NICs of a node that carry collectives."""

    count: Annotated[Count, Field(le=_MOST_PER_NODE)]
    """How many; where there are fewer than devices, neighbours share one."""
    rate: Rate
    """Of each NIC, each direction."""
    attached: NicAttachment = NicAttachment.DEVICE
    """``device``: reached without the host; ``cpu``: all traffic crosses the host links."""
    efficiency: Part | None = None
    """Share of the rate that collectives attain; the cost model's own where left out."""
    latency: Time | None = None
    """Start-up of a collective across nodes; the cost model's own where left out."""
    latency_per_node: Time | None = None
    """What each node adds to the start-up; the cost model's own where left out."""
    hop: Time | None = None
    """Start-up of each hop from node to node, where a collective has several in sequence; the cost
    model's own where left out."""
    per_peer: Time | None = None
    """What an all-to-all spends on the message to each device of other nodes, besides its bytes;
    the cost model's own where left out."""
    sharp: Trait | None = None
    """Whether the network sums what passes it (SHARP), which helps all-reduces alone."""


class FabricLevelFile(Border):
    """A level of switches between the NICs and the core: racks, pods."""

    name: Name
    """What a group is called: ``rack``, ``pod``."""
    nodes: Annotated[Count, Field(le=_MOST_DEVICES)]
    """Nodes in one group."""
    oversubscription: Annotated[Times, Field(ge=1)] = 1.0
    """What may enter a full group's switches from below, over what their uplinks carry."""


class TopologyFile(Border):
    """A machine: equal nodes, their devices and memory, and the links between them."""

    name: Name
    description: str = ""
    cost_model: Name
    """The cost model that is used where the spec names none."""
    borrows: str = ""
    """Whose cost model that is, where it is of another device: said beside every plan."""
    nodes: Count = 1
    devices_per_node: Annotated[Count, Field(le=_MOST_PER_NODE)]
    device: DeviceFile
    node: NodeFile = NodeFile()
    scale_up: ScaleUpFile | None = None
    """Where left out, the devices of a node reach one another through the host."""
    nics: NicsFile | None = None
    """Where left out, there can only be one scale-up domain."""
    fabric: tuple[FabricLevelFile, ...] = ()
    """Levels of switches above the NICs, innermost first; above them nothing is oversubscribed."""
    ingest: Rate | None = None
    """Of one node, at which samples come in from outside; where left out, they never hold a step
    up."""
    curves: MachineCurvesFile = MachineCurvesFile()
    """Collectives as they were measured on this very machine, in place of the cost model's."""
    sources: dict[str, str] = Field(default_factory=dict)
    """Where figures are from, by the key that figures name."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_sources(self.figures(), self.sources)
        for index in range(len(self.fabric)):
            self._check_fabric_level(index)
        if problem := self.problem_with(self.nodes):
            at = ("nodes",) if "nodes" in self.model_fields_set else ()
            raise fault(problem, "change nodes, scale_up.nodes or nics", at=at)
        return self

    def _check_fabric_level(self, index: int) -> None:
        """Groups must nest, or ranks of one group would not be equal."""
        level, at = self.fabric[index], ("fabric", index)
        inner = self.fabric[index - 1].nodes if index else 1
        if level.name in (*_VERTEX_KINDS, *(other.name for other in self.fabric[:index])):
            raise fault(f"{level.name!r} is taken", "call it rack or pod", at=(*at, "name"))
        if level.nodes % inner:
            message = f"groups of {level.nodes} nodes do not divide into groups of {inner}"
            raise fault(message, f"a multiple of {inner}", at=(*at, "nodes"))
        if level.nodes % self.domain_nodes and self.domain_nodes % level.nodes:
            message = f"groups of {level.nodes} nodes cut scale-up domains of {self.domain_nodes}"
            raise fault(message, f"a multiple of {self.domain_nodes}", at=(*at, "nodes"))

    @property
    def domain_nodes(self) -> int:
        """Nodes that a full scale-up domain spans."""
        return self.scale_up.nodes if self.scale_up else 1

    def problem_with(self, nodes: int) -> str:
        """Why this machine cannot have that many nodes; empty where it can."""
        if nodes > self.domain_nodes and nodes % self.domain_nodes:
            return f"{nodes} nodes do not divide into scale-up domains of {self.domain_nodes}"
        if nodes > self.domain_nodes and not self.nics:
            return f"{nodes} nodes cannot reach one another: the topology has no nics"
        if nodes * self.devices_per_node > _MOST_DEVICES:
            return f"{nodes} nodes hold more than {_MOST_DEVICES:,} devices"
        return ""

    def figures(self) -> Iterator[tuple[tuple[str | int, ...], Sourced]]:
        """Every figure and curve of the file with its path."""
        return sourced(self)
