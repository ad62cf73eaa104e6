"""Devices in groups that each hold all tables: who is where, and what a group has of its nodes."""

from __future__ import annotations

from itertools import product
from math import isclose

import pytest

from shardplan.sharding.grouping import Grouping, GroupOrder
from shardplan.sharding.world import World
from shardplan.topology.machine import Machine
from shardplan.topology.schema import TopologyFile

_EACH, _NODES = 8, 12


def machine(**more):
    value = {
        "name": "cluster",
        "cost_model": "h100",
        "nodes": _NODES,
        "devices_per_node": _EACH,
        "device": {
            "hbm": {"capacity": "80GiB", "read": "3TB/s"},
            "host_link": "50GB/s",
        },
        "node": {"ddr": {"capacity": "2TiB", "read": "400GB/s"}},
        "scale_up": {"kind": "switch", "bandwidth": "450GB/s"},
        "nics": {"count": 8, "rate": "50GB/s"},
    } | more
    return Machine.of(TopologyFile.model_validate(value), value)


@pytest.mark.parametrize(("groups", "order"), [*product((2, 3, 4, 8, 16, 24, 48, 96), GroupOrder)])
def test_each_device_is_in_one_group_and_nodes_are_those_of_its_ranks(groups, order):
    """Counted rank by rank; where ranks lie on nodes as the topology of a group has them."""
    grouping, world = Grouping(groups, order), World(_EACH * _NODES, _EACH)
    if grouping.problem_with(world):
        with pytest.raises(Exception, match="nor divide one"):
            machine().grouped(grouping)
        return
    ranks = grouping.ranks(world)
    assert sorted(rank for group in ranks for rank in group) == list(range(world.size))
    grouped = machine().grouped(grouping).topology
    for members, part in (
        (ranks, grouped),
        (list(zip(*ranks, strict=True)), grouped.replicas.of_shard),
    ):
        for member in members:
            assert len(member) == part.world_size
            nodes = [rank // _EACH for rank in member]
            runs = [nodes.index(node) for node in dict.fromkeys(nodes)]
            assert len(runs) == part.nodes
            assert runs == [node * part.devices_per_node for node in range(part.nodes)]


def test_a_group_has_its_devices_share_of_what_a_node_shares():
    whole = machine(ingest="10GB/s")
    part = whole.grouped(Grouping(4)).topology
    assert (part.nodes, part.devices_per_node) == (_NODES, 2)
    assert part.ddr.capacity_bytes == whole.topology.ddr.capacity_bytes // 4
    assert isclose(part.ddr.read_bytes_per_second, 100e9)
    assert isclose(part.ingest_bytes_per_second, 2.5e9)
    assert part.hbm == whole.topology.hbm
    assert part.host_link_bytes_per_second == whole.topology.host_link_bytes_per_second
    assert part.whole.world_size == _EACH * _NODES


@pytest.mark.parametrize("count", [1, 2, 4, 8, 16])
def test_all_groups_together_have_the_nics_of_a_node(count):
    """Fewer than one NIC is a slower one."""
    file = machine(nics={"count": count, "rate": "50GB/s"})
    for groups in (2, 4, 8):
        graph = file.grouped(Grouping(groups)).topology.graph
        out = sum(
            data["bytes_per_second"]
            for tail, head, data in graph.edges(data=True)
            if tail.startswith("nic:0.") and head == "core"
        )
        assert isclose(out * groups, count * 50e9)


def test_racks_that_groups_cannot_share_evenly_are_refused():
    racks = machine(fabric=[{"name": "rack", "nodes": 3, "oversubscription": 2}])
    assert "no equal share of racks of 3 nodes" in racks.problem_with(Grouping(16))
    assert not racks.problem_with(Grouping(24))
    rack = racks.grouped(Grouping(24)).topology
    assert rack.layout.fabric_nodes == (1,)


def test_more_nodes_and_more_memory_keep_the_groups():
    grouped = machine().grouped(Grouping(4))
    assert grouped.with_nodes(4).topology.world_size == 8
    assert grouped.with_nodes(4).nodes == 4
    bigger = grouped.with_hbm(2**40)
    assert (bigger.topology.hbm.capacity_bytes, bigger.topology.world_size) == (2**40, 24)
    assert grouped.grouped(None).topology.world_size == 96
