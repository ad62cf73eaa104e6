"""The machine as a graph: everything that bytes pass on their way from device to device."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import networkx as nx

from shardplan.topology.schema import NicAttachment, ScaleUpKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shardplan.topology.layout import Layout
    from shardplan.topology.schema import NicsFile, ScaleUpFile, TopologyFile


def build_graph(file: TopologyFile, layout: Layout) -> nx.DiGraph[str]:
    """A directed graph, each link in both directions with its ``bytes_per_second``.

    Vertices are named ``kind:number`` and have that ``kind``: ``device:{rank}`` first, in order,
    then

    * ``port:{rank}``, where a device's PCIe lanes end, and ``host:{node}`` behind the ports;
    * ``switch:{domain}`` of a switched scale-up domain;
    * ``nic:{node}.{number}`` behind the ports of the devices that share it, or behind the host;
    * groups of the fabric such as ``rack:{number}``, and ``core`` above all.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    _add_vertices(graph, "device", range(layout.world_size))
    _add_hosts(graph, layout, file.device.host_link.value)
    if file.scale_up:
        _add_scale_up(graph, layout, file.scale_up)
    if file.nics:
        _add_nics(graph, layout, file.nics, file.device.host_link.value)
        _add_fabric(graph, layout, file, file.nics)
    return graph


def _add_hosts(graph: nx.DiGraph[str], layout: Layout, rate: float) -> None:
    ranks = range(layout.world_size)
    _add_vertices(graph, "port", ranks)
    _add_vertices(graph, "host", range(layout.nodes))
    _join(graph, ((f"device:{rank}", f"port:{rank}") for rank in ranks), rate)
    hosts = ((f"port:{rank}", f"host:{rank // layout.devices_per_node}") for rank in ranks)
    _join(graph, hosts, rate)


def _add_scale_up(graph: nx.DiGraph[str], layout: Layout, scale_up: ScaleUpFile) -> None:
    rate, size = scale_up.bandwidth.value, layout.domain_devices
    domains = range(layout.world_size // size)
    if scale_up.kind is ScaleUpKind.SWITCH:
        _add_vertices(graph, "switch", domains)
        ranks = range(layout.world_size)
        _join(graph, ((f"device:{rank}", f"switch:{rank // size}") for rank in ranks), rate)
    for domain in domains if scale_up.kind is ScaleUpKind.MESH else ():
        members = range(domain * size, (domain + 1) * size)
        pairs = ((f"device:{a}", f"device:{b}") for a, b in permutations(members, 2))
        graph.add_edges_from(pairs, bytes_per_second=rate)


def _add_nics(
    graph: nx.DiGraph[str], layout: Layout, nics: NicsFile, port_bytes_per_second: float
) -> None:
    names = ((node, nic) for node in range(layout.nodes) for nic in range(nics.count))
    _add_vertices(graph, "nic", (f"{node}.{nic}" for node, nic in names))
    for node in range(layout.nodes):
        if nics.attached is NicAttachment.CPU:
            pairs = ((f"host:{node}", f"nic:{node}.{nic}") for nic in range(nics.count))
            _join(graph, pairs, nics.rate.value)
            continue
        for local in range(layout.devices_per_node):
            port = f"port:{node * layout.devices_per_node + local}"
            near = _nics_of(local, layout.devices_per_node, nics.count)
            _join(graph, ((port, f"nic:{node}.{nic}") for nic in near), port_bytes_per_second)


def _nics_of(local: int, devices: int, count: int) -> range:
    """The NICs of one device, when NICs and devices lie side by side and share fairly."""
    return range(local * count // devices, -(-(local + 1) * count // devices))


def _add_fabric(graph: nx.DiGraph[str], layout: Layout, file: TopologyFile, nics: NicsFile) -> None:
    """Join the NICs to the innermost groups, those to the next, and the last to the core.

    The uplink of a group is built for a full group, also where it is partly filled.
    """
    children = [
        (f"nic:{node}.{nic}", node) for node in range(layout.nodes) for nic in range(nics.count)
    ]
    rate, group_rate, inner_nodes = nics.rate.value, nics.rate.value * nics.count, 1
    for level in file.fabric:
        groups = range(-(-layout.nodes // level.nodes))
        _add_vertices(graph, level.name, groups)
        parents = ((child, f"{level.name}:{node // level.nodes}") for child, node in children)
        _join(graph, parents, rate)
        group_rate *= level.nodes / inner_nodes / level.oversubscription
        rate, inner_nodes = group_rate, level.nodes
        children = [(f"{level.name}:{group}", group * level.nodes) for group in groups]
    graph.add_node("core", kind="core")
    _join(graph, ((child, "core") for child, _ in children), rate)


def _add_vertices(graph: nx.DiGraph[str], kind: str, numbers: Iterable[object]) -> None:
    graph.add_nodes_from((f"{kind}:{number}" for number in numbers), kind=kind)


def _join(graph: nx.DiGraph[str], pairs: Iterable[tuple[str, str]], rate: float) -> None:
    """Link each pair in both directions."""
    both = [link for a, b in pairs for link in ((a, b), (b, a))]
    graph.add_edges_from(both, bytes_per_second=rate)
