"""From a topology file to the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.sharding.world import World
from shardplan.topology.graph import build_graph
from shardplan.topology.layout import Layout
from shardplan.topology.measured.machine_curves import MachineCurves
from shardplan.topology.nic_traits import NicTraits
from shardplan.topology.tier import Tier
from shardplan.topology.topology import Topology

if TYPE_CHECKING:
    from shardplan.topology.schema import NicsFile, Part, Rate, TierFile, Time, TopologyFile, Trait


def build_topology(file: TopologyFile, nodes: int | None = None) -> Topology:
    """The machine of a file, with ``nodes`` nodes where given.

    Raises InputError where the machine cannot have that many.
    """
    nodes = file.nodes if nodes is None else nodes
    if problem := file.problem_with(nodes):
        raise InputError([Diagnostic(f"topology {file.name}", 0, 0, "nodes", problem)])
    layout = Layout(
        World(nodes * file.devices_per_node, file.devices_per_node, file.device.kind),
        domain_nodes=min(nodes, file.domain_nodes),
        fabric_nodes=tuple(level.nodes for level in file.fabric),
    )
    return Topology(
        name=file.name,
        layout=layout,
        hbm=_tier("hbm", file.device.hbm),
        ddr=_tier("ddr", file.node.ddr) if file.node.ddr else None,
        ssd=_tier("ssd", file.node.ssd) if file.node.ssd else None,
        host_link_bytes_per_second=file.device.host_link.value,
        nic_traits=_nic_traits(file.nics) if file.nics else NicTraits(),
        graph=build_graph(file, layout),
        switch_reduces=_has(file.scale_up.nvls) if file.scale_up else False,
        ingest_bytes_per_second=_value(file.ingest),
        curves=MachineCurves.of(file.curves),
    )


def _nic_traits(file: NicsFile) -> NicTraits:
    return NicTraits(
        efficiency=_value(file.efficiency),
        latency_seconds=_value(file.latency),
        latency_seconds_per_node=_value(file.latency_per_node),
        hop_seconds=_value(file.hop),
        seconds_per_peer=_value(file.per_peer),
        switches_reduce=_has(file.sharp),
    )


def _has(trait: Trait | None) -> bool:
    return trait is not None and trait.value


def _value(figure: Part | Rate | Time | None) -> float | None:
    return None if figure is None else float(figure.value)


def _tier(name: str, file: TierFile) -> Tier:
    return Tier(
        name=name,
        capacity_bytes=file.capacity.value,
        read_bytes_per_second=file.read.value,
        write_bytes_per_second=(file.write or file.read).value,
        iops=file.iops.value if file.iops else None,
    )
