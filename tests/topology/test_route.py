"""What collectives get of machines whose bottleneck can be worked out by hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from shardplan.topology.build_topology import build_topology
from shardplan.topology.collective import Collective, Scope
from shardplan.topology.schema import TopologyFile

if TYPE_CHECKING:
    from shardplan.topology.topology import Topology

G = 1e9


def machine(nodes: int = 1, devices_per_node: int = 8, **parts: Any) -> Topology:
    """Eight devices on a 300 GB/s switch with a 200 Gb/s NIC each, except for ``parts``."""
    document: dict[str, Any] = {
        "name": "test",
        "cost_model": "test",
        "devices_per_node": devices_per_node,
        "device": {"hbm": {"capacity": "40GiB", "read": "1TB/s"}, "host_link": "32GB/s"},
        "scale_up": {"kind": "switch", "bandwidth": "300GB/s"},
        "nics": {"count": devices_per_node, "rate": "200Gb/s"},
    }
    return build_topology(TopologyFile.model_validate(document | parts), nodes)


def levels(
    topology: Topology, collective: Collective, scope: Scope = Scope.ALL
) -> dict[str, tuple[float, float, int]]:
    """Share, rate and ranks of each level."""
    return {
        level.name: (
            pytest.approx(level.bytes_share),
            pytest.approx(level.bytes_per_second),
            level.ranks,
        )
        for level in topology.route(collective, scope)
    }


def test_one_device_moves_nothing() -> None:
    topology = machine(nodes=1, devices_per_node=1)
    for collective in Collective:
        for scope in Scope:
            assert topology.route(collective, scope) == ()
            assert topology.bottleneck(collective, scope) is None


def test_one_node_stays_on_its_switch() -> None:
    """Each of 8 devices sends 7/8 of its buffer over its own 300 GB/s link."""
    topology = machine()
    assert levels(topology, Collective.ALL_TO_ALL) == {"scale_up": (7 / 8, 300 * G, 8)}
    assert levels(topology, Collective.ALL_REDUCE) == {"scale_up": (14 / 8, 300 * G, 8)}
    assert str(topology.bottleneck(Collective.ALL_TO_ALL, Scope.ALL)) == "device:0 -> switch:0"


def test_all_to_all_over_nodes_is_bound_by_each_device_s_own_nic() -> None:
    """Of 32 destinations 7 are inside the node and 24 behind the 25 GB/s NIC."""
    topology = machine(nodes=4)
    assert levels(topology, Collective.ALL_TO_ALL) == {
        "scale_up": (7 / 32, 300 * G, 8),
        "scale_out": (24 / 32, 25 * G, 32),
    }
    assert str(topology.bottleneck(Collective.ALL_TO_ALL, Scope.ALL)) == "nic:0.0 -> core"


@pytest.mark.parametrize("collective", [Collective.REDUCE_SCATTER, Collective.ALL_GATHER])
def test_reduce_scatter_and_all_gather_run_inside_nodes_then_in_rings(
    collective: Collective,
) -> None:
    """Inside: 7/8 of the buffer; across 4 nodes: 3/4 of the eighth that remains."""
    assert levels(machine(nodes=4), collective) == {
        "scale_up": (7 / 8, 300 * G, 8),
        "scale_out": (3 / 4 / 8, 25 * G, 4),
    }


def test_all_reduce_costs_a_reduce_scatter_and_an_all_gather() -> None:
    assert levels(machine(nodes=4), Collective.ALL_REDUCE) == {
        "scale_up": (2 * 7 / 8, 300 * G, 8),
        "scale_out": (2 * 3 / 4 / 8, 25 * G, 4),
    }


def test_peers_exchange_over_nics_only() -> None:
    """Groups of 4, one device of each node: 3/4 of the buffer leaves the node."""
    topology = machine(nodes=4)
    expected = {"scale_out": (3 / 4, 25 * G, 4)}
    assert levels(topology, Collective.ALL_TO_ALL, Scope.PEERS) == expected
    assert levels(topology, Collective.REDUCE_SCATTER, Scope.PEERS) == expected


def test_node_groups_stay_on_their_switches() -> None:
    for collective in (Collective.ALL_TO_ALL, Collective.REDUCE_SCATTER):
        found = levels(machine(nodes=4), collective, Scope.NODE)
        assert found == {"scale_up": (7 / 8, 300 * G, 8)}


def test_a_mesh_offers_all_links_of_a_device_together() -> None:
    """Seven links of 64 GB/s carry an equal part each: 448 GB/s."""
    topology = machine(scale_up={"kind": "mesh", "bandwidth": "64GB/s"})
    assert levels(topology, Collective.ALL_TO_ALL) == {"scale_up": (7 / 8, 7 * 64 * G, 8)}
    assert levels(topology, Collective.ALL_REDUCE) == {"scale_up": (14 / 8, 7 * 64 * G, 8)}
    assert str(topology.bottleneck(Collective.ALL_TO_ALL, Scope.ALL)) == "device:0 -> device:1"


def test_devices_that_share_a_nic_share_its_rate() -> None:
    """Four NICs of 12.5 GB/s for eight devices: 6.25 GB/s each."""
    topology = machine(nodes=2, nics={"count": 4, "rate": "100Gb/s"})
    for collective in Collective:
        assert levels(topology, collective)["scale_out"][1] == 6.25 * G
    assert levels(topology, Collective.ALL_TO_ALL, Scope.PEERS)["scale_out"][1] == 6.25 * G
    assert str(topology.bottleneck(Collective.ALL_TO_ALL, Scope.ALL)) == "nic:0.0 -> core"


def test_nics_that_do_not_divide_among_devices_serve_the_slowest_fairly() -> None:
    """Three NICs of 12.5 GB/s for four devices: the second shares its first NIC with the first.

    Devices 0 to 3 reach NICs {0}, {0, 1}, {1, 2}, {2}: NIC 0 carries one and a half devices, and a
    device with two NICs sends half through each.
    """
    topology = machine(nodes=2, devices_per_node=4, nics={"count": 3, "rate": "100Gb/s"})
    found = levels(topology, Collective.ALL_TO_ALL)["scale_out"]
    assert found[1] == 12.5 * G / 1.5


def test_a_device_uses_all_its_nics() -> None:
    """Sixteen NICs of 12.5 GB/s for eight devices: 25 GB/s each, within the port's 32 GB/s."""
    topology = machine(nodes=2, nics={"count": 16, "rate": "100Gb/s"})
    assert levels(topology, Collective.ALL_TO_ALL)["scale_out"][1] == 25 * G


def test_nics_cannot_outrun_the_port_that_they_are_behind() -> None:
    """Four NICs of 12.5 GB/s for each device behind a port of 32 GB/s."""
    topology = machine(nodes=2, nics={"count": 32, "rate": "100Gb/s"})
    assert levels(topology, Collective.ALL_TO_ALL)["scale_out"][1] == 32 * G
    assert str(topology.bottleneck(Collective.ALL_TO_ALL, Scope.ALL)) == "device:0 -> port:0"


def test_nics_behind_the_cpus_are_shared_by_all_devices() -> None:
    """Two NICs of 25 GB/s for eight devices: 6.25 GB/s each."""
    topology = machine(nodes=2, nics={"count": 2, "rate": "200Gb/s", "attached": "cpu"})
    assert levels(topology, Collective.ALL_TO_ALL)["scale_out"][1] == 6.25 * G
    assert str(topology.bottleneck(Collective.ALL_TO_ALL, Scope.ALL)) == "host:0 -> nic:0.0"


def test_nics_behind_the_cpus_are_reached_over_the_host_link() -> None:
    """Eight NICs of 50 GB/s, yet each device sends 32 GB/s at most."""
    topology = machine(nodes=2, nics={"count": 8, "rate": "400Gb/s", "attached": "cpu"})
    assert levels(topology, Collective.ALL_TO_ALL)["scale_out"][1] == 32 * G
    assert str(topology.bottleneck(Collective.ALL_TO_ALL, Scope.ALL)) == "device:0 -> port:0"


def test_without_scale_up_links_devices_meet_at_the_host() -> None:
    topology = machine(scale_up=None)
    assert levels(topology, Collective.ALL_TO_ALL) == {"scale_up": (7 / 8, 32 * G, 8)}


def test_scale_up_and_scale_out_share_a_port_that_both_cross() -> None:
    """Of 15/16 of the buffer over one 32 GB/s port, both levels wait for the whole."""
    topology = machine(nodes=2, scale_up=None, nics={"count": 8, "rate": "400Gb/s"})
    found = levels(topology, Collective.ALL_TO_ALL)
    assert found["scale_up"][1] == 32 * G * (7 / 16) / (15 / 16)
    assert found["scale_out"][1] == 32 * G * (8 / 16) / (15 / 16)


def test_oversubscribed_racks_hold_up_an_all_to_all() -> None:
    """Racks of 2 nodes, 4:1: 16 devices send half their bytes over an uplink of 4 NICs' rate."""
    racks = [{"name": "rack", "nodes": 2, "oversubscription": 4}]
    topology = machine(nodes=4, fabric=racks)
    seconds = 16 * (16 / 32) / (2 * 8 * 25 * G / 4)
    found = levels(topology, Collective.ALL_TO_ALL)
    assert found["scale_out"] == (24 / 32, (24 / 32) / seconds, 32)
    assert str(topology.bottleneck(Collective.ALL_TO_ALL, Scope.ALL)) == "rack:0 -> core"


def test_the_level_of_the_fabric_that_is_most_oversubscribed_decides() -> None:
    """Racks of 2 nodes at 2:1 in pods of 4 nodes at 3:1 on top: 6:1 between the two pods.

    A rack's 16 devices send 48/64 of their bytes over an uplink of 200 GB/s, a pod's 32 devices
    32/64 over one of 400 / 3 GB/s.
    """
    fabric = [
        {"name": "rack", "nodes": 2, "oversubscription": 2},
        {"name": "pod", "nodes": 4, "oversubscription": 3},
    ]
    topology = machine(nodes=8, fabric=fabric)
    rack, pod = 16 * (48 / 64) / (200 * G), 32 * (32 / 64) / (400 * G / 3)
    assert pod > rack
    assert levels(topology, Collective.ALL_TO_ALL)["scale_out"] == (56 / 64, (56 / 64) / pod, 64)
    assert str(topology.bottleneck(Collective.ALL_TO_ALL, Scope.ALL)) == "pod:0 -> core"


def test_oversubscribed_racks_do_not_hold_up_rings() -> None:
    """Of a rack's two nodes one has its successor elsewhere: 8 flows on an uplink of 8 NICs."""
    racks = [{"name": "rack", "nodes": 2, "oversubscription": 2}]
    topology = machine(nodes=4, fabric=racks)
    assert levels(topology, Collective.ALL_REDUCE)["scale_out"][1] == 25 * G


def test_one_rack_is_not_oversubscribed() -> None:
    racks = [{"name": "rack", "nodes": 4, "oversubscription": 8}]
    topology = machine(nodes=4, fabric=racks)
    assert levels(topology, Collective.ALL_TO_ALL)["scale_out"][1] == 25 * G


def test_a_domain_of_many_nodes_is_one_scale_up_level() -> None:
    """18 trays of 4 devices on one switch: no NIC carries anything, among peers neither."""
    domain = {"kind": "switch", "bandwidth": "900GB/s", "nodes": 18}
    topology = machine(nodes=18, devices_per_node=4, scale_up=domain)
    assert levels(topology, Collective.ALL_TO_ALL) == {"scale_up": (71 / 72, 900 * G, 72)}
    peers = levels(topology, Collective.ALL_TO_ALL, Scope.PEERS)
    assert peers == {"scale_up": (17 / 18, 900 * G, 18)}
    assert str(topology.bottleneck(Collective.ALL_TO_ALL, Scope.ALL)) == "device:0 -> switch:0"


def test_two_domains_of_many_nodes_meet_over_nics() -> None:
    domain = {"kind": "switch", "bandwidth": "900GB/s", "nodes": 18}
    topology = machine(nodes=36, devices_per_node=4, scale_up=domain)
    assert levels(topology, Collective.ALL_TO_ALL) == {
        "scale_up": (71 / 144, 900 * G, 72),
        "scale_out": (72 / 144, 25 * G, 144),
    }
    assert levels(topology, Collective.REDUCE_SCATTER) == {
        "scale_up": (71 / 72, 900 * G, 72),
        "scale_out": (1 / 2 / 72, 25 * G, 2),
    }


def test_part_of_a_domain_is_a_smaller_domain() -> None:
    domain = {"kind": "switch", "bandwidth": "900GB/s", "nodes": 18}
    topology = machine(nodes=2, devices_per_node=4, scale_up=domain)
    assert levels(topology, Collective.ALL_TO_ALL) == {"scale_up": (7 / 8, 900 * G, 8)}


def test_devices_share_the_bandwidth_of_the_host_s_memory() -> None:
    """8 devices on 200 GB/s of DDR get 25 GB/s each; on 800 GB/s their 32 GB/s link decides."""
    slow = machine(node={"ddr": {"capacity": "1TB", "read": "200GB/s", "write": "80GB/s"}})
    fast = machine(node={"ddr": {"capacity": "1TB", "read": "800GB/s"}})
    assert slow.ddr is not None
    assert fast.ddr is not None
    assert slow.read_share_bytes_per_second(slow.ddr, 8) == 25 * G
    assert slow.write_share_bytes_per_second(slow.ddr, 8) == 10 * G
    assert fast.read_share_bytes_per_second(fast.ddr, 8) == 32 * G
    assert fast.ddr.write_bytes_per_second == 800 * G


@pytest.mark.parametrize("nodes", [512, 500])
def test_four_thousand_devices_are_routed_in_a_second(nodes: int) -> None:
    """All collectives and scopes, also where the last rack is partly filled."""
    racks = [{"name": "rack", "nodes": 16, "oversubscription": 4}]
    start = time.process_time()
    topology = machine(nodes=nodes, fabric=racks)
    found = [topology.route(kind, scope) for kind in Collective for scope in Scope]
    assert all(found)
    assert time.process_time() - start < 1.0
