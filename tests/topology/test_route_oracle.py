"""Routes against an oracle that sends every byte of every pair of ranks over the graph."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import networkx as nx
import pytest
from effort import examples
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from shardplan.topology.build_topology import build_topology
from shardplan.topology.collective import Collective, Scope
from shardplan.topology.schema import TopologyFile

if TYPE_CHECKING:
    from shardplan.topology.topology import Topology

Pairs = dict[tuple[int, int], float]
RATES = st.sampled_from(["10GB/s", "30GB/s", "70GB/s", "150GB/s"])


@st.composite
def machines(draw: st.DrawFn) -> dict[str, Any]:
    """Small machines of all kinds; ``nodes`` may not suit the scale-up domain."""
    devices = draw(st.integers(1, 4))
    kind = draw(st.sampled_from([None, "switch", "mesh"]))
    domain_nodes = draw(st.integers(1, 3))
    rack_nodes, racks_per_pod = draw(st.integers(1, 3)), draw(st.integers(1, 2))
    fabric = [
        {"name": "rack", "nodes": rack_nodes, "oversubscription": draw(st.integers(1, 4))},
        {
            "name": "pod",
            "nodes": rack_nodes * racks_per_pod,
            "oversubscription": draw(st.integers(1, 4)),
        },
    ]
    return {
        "name": "random",
        "cost_model": "none",
        "nodes": draw(st.integers(1, 7)),
        "devices_per_node": devices,
        "device": {"hbm": {"capacity": "1GiB", "read": "1TB/s"}, "host_link": draw(RATES)},
        "scale_up": kind and {"kind": kind, "bandwidth": draw(RATES), "nodes": domain_nodes},
        "nics": {
            "count": draw(st.integers(1, 6)),
            "rate": draw(RATES),
            "attached": draw(st.sampled_from(["device", "cpu"])),
        },
        "fabric": fabric[: draw(st.integers(0, 2))],
    }


def groups(topology: Topology, scope: Scope) -> list[list[int]]:
    """The ranks of each group."""
    nodes, devices = range(topology.nodes), range(topology.devices_per_node)
    by_node = [[node * len(devices) + local for local in devices] for node in nodes]
    if scope is Scope.NODE:
        return by_node
    if scope is Scope.PEERS:
        return [list(ranks) for ranks in zip(*by_node, strict=True)]
    return [[rank for ranks in by_node for rank in ranks]]


def exchanged(group: list[int], collective: Collective, size: int) -> tuple[Pairs, Pairs]:
    """Bytes between ranks inside and across domains of ``size`` devices, for buffers of 1 byte."""
    domains: dict[int, list[int]] = defaultdict(list)
    for rank in group:
        domains[rank // size].append(rank)
    inside, across = {}, {}
    passes = 2 if collective is Collective.ALL_REDUCE else 1
    for source in group:
        members = domains[source // size]
        for target in group:
            if target == source:
                continue
            is_inside = target in members
            if collective is Collective.ALL_TO_ALL:
                (inside if is_inside else across)[source, target] = 1 / len(group)
            elif is_inside:
                inside[source, target] = passes / len(members)
        if collective is not Collective.ALL_TO_ALL and len(domains) > 1:
            keys = sorted(domains)
            following = keys[(keys.index(source // size) + 1) % len(keys)]
            target = domains[following][members.index(source)]
            share = (len(domains) - 1) / len(domains) / len(members)
            across[source, target] = passes * share
    return inside, across


def loads(graph: nx.DiGraph, pairs: Pairs) -> dict[tuple[str, str], float]:
    """Bytes on each link when each pair spreads evenly over its shortest paths."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for (source, target), size in pairs.items():
        paths = list(nx.all_shortest_paths(graph, f"device:{source}", f"device:{target}"))
        for path in paths:
            for link in pairwise(path):
                found[link] += size / len(paths)
    return found


def busiest_share(pairs: Pairs) -> float:
    """The larger of sent and received, of the rank that moves most."""
    sent: dict[int, float] = defaultdict(float)
    received: dict[int, float] = defaultdict(float)
    for (source, target), size in pairs.items():
        sent[source] += size
        received[target] += size
    return max([*sent.values(), *received.values()])


def expected(
    topology: Topology, collective: Collective, scope: Scope
) -> dict[str, tuple[float, float]]:
    """Share and rate of each level, from the load on every link."""
    size = topology.layout.domain_devices
    flows: dict[str, Pairs] = {"scale_up": {}, "scale_out": {}}
    for group in groups(topology, scope):
        inside, across = exchanged(group, collective, size)
        flows["scale_up"] |= inside
        flows["scale_out"] |= across
    carried = {name: loads(topology.graph, pairs) for name, pairs in flows.items()}
    found = {}
    for name, pairs in flows.items():
        if pairs:
            seconds = max(
                sum(load.get(link, 0.0) for load in carried.values())
                / topology.graph.edges[link]["bytes_per_second"]
                for link in carried[name]
            )
            found[name] = (busiest_share(pairs), busiest_share(pairs) / seconds)
    return found


@examples(150)
@given(machines(), st.sampled_from(Collective), st.sampled_from(Scope))
def test_routes_agree_with_every_pair_sent_over_the_graph(
    machine: dict[str, Any], collective: Collective, scope: Scope
) -> None:
    """Share and rate of both levels, on machines of all kinds, with racks partly filled."""
    try:
        file = TopologyFile.model_validate(machine)
    except ValidationError:
        assume(False)
    topology = build_topology(file)
    found = {
        level.name: (level.bytes_share, level.bytes_per_second)
        for level in topology.route(collective, scope)
    }
    oracle = expected(topology, collective, scope)
    assert found.keys() == oracle.keys()
    for name, level in oracle.items():
        assert found[name] == pytest.approx(level)
