"""How flows spread over a network, and which of its vertices are alike."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest

from shardplan.sharding.world import World
from shardplan.topology.layout import Layout
from shardplan.topology.network import Network

ONE_NODE = Layout(World(1, 1), domain_nodes=1)


def network(*links: tuple[str, str, float], layout: Layout = ONE_NODE) -> Network:
    """Undirected links between vertices that are named ``kind:number``."""
    graph = nx.DiGraph()
    for tail, head, rate in links:
        for name in (tail, head):
            graph.add_node(name, kind=name.split(":")[0])
        graph.add_edge(tail, head, bytes_per_second=rate)
        graph.add_edge(head, tail, bytes_per_second=rate)
    return Network.of(graph, layout)


def loads(net: Network, source: str, demand: dict[str, float]) -> dict[str, float]:
    """The links that carry anything, by name."""
    wanted = np.array([demand.get(name, 0.0) for name in net.names])
    spread = net.spread(net.names.index(source), wanted)
    return {str(net.link(link)): float(spread[link]) for link in np.flatnonzero(spread)}


def test_a_flow_takes_all_shortest_paths_evenly() -> None:
    """Two ways of two links each, and a detour of three links that stays unused."""
    net = network(
        ("a:0", "b:0", 1.0),
        ("b:0", "d:0", 1.0),
        ("a:0", "b:1", 1.0),
        ("b:1", "d:0", 1.0),
        ("a:0", "c:0", 1.0),
        ("c:0", "c:1", 1.0),
        ("c:1", "d:0", 1.0),
    )
    assert loads(net, "a:0", {"d:0": 8.0}) == {
        "a:0 -> b:0": 4.0,
        "a:0 -> b:1": 4.0,
        "b:0 -> d:0": 4.0,
        "b:1 -> d:0": 4.0,
    }


def test_what_is_left_on_the_way_does_not_travel_on() -> None:
    net = network(("a:0", "b:0", 1.0), ("b:0", "c:0", 1.0))
    found = loads(net, "a:0", {"b:0": 2.0, "c:0": 3.0})
    assert found == {"a:0 -> b:0": 5.0, "b:0 -> c:0": 3.0}


def test_a_vertex_out_of_reach_is_an_error() -> None:
    net = network(("a:0", "b:0", 1.0), ("c:0", "d:0", 1.0))
    with pytest.raises(ValueError, match="a:0 is not connected"):
        loads(net, "a:0", {"d:0": 1.0})


def alike(net: Network) -> set[frozenset[str]]:
    """The vertices grouped by colour."""
    colours = net.colours.tolist()
    return {
        frozenset(name for name, colour in zip(net.names, colours, strict=True) if colour == one)
        for one in colours
    }


def test_leaves_of_equal_branches_are_alike() -> None:
    """Of three branches one is shorter, so that its leaf and its joint are in a class each."""
    net = network(
        ("core:0", "rack:0", 1.0),
        ("core:0", "rack:1", 1.0),
        ("core:0", "rack:2", 1.0),
        ("rack:0", "nic:0", 1.0),
        ("rack:0", "nic:1", 1.0),
        ("rack:1", "nic:2", 1.0),
        ("rack:1", "nic:3", 1.0),
        ("rack:2", "nic:4", 1.0),
    )
    assert alike(net) == {
        frozenset({"core:0"}),
        frozenset({"rack:0", "rack:1"}),
        frozenset({"rack:2"}),
        frozenset({"nic:0", "nic:1", "nic:2", "nic:3"}),
        frozenset({"nic:4"}),
    }


def test_links_of_other_rates_make_a_difference() -> None:
    net = network(("core:0", "nic:0", 1.0), ("core:0", "nic:1", 2.0), ("core:0", "nic:2", 1.0))
    assert alike(net) == {
        frozenset({"core:0"}),
        frozenset({"nic:0", "nic:2"}),
        frozenset({"nic:1"}),
    }
