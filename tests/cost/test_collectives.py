"""Collectives on clusters against hand calculations."""

from __future__ import annotations

from dataclasses import replace

import pytest
from analytic_cases import CLUSTER, cluster, preset, profile

from shardplan.cost.algorithms.algorithm import bus_share
from shardplan.cost.algorithms.group import Group
from shardplan.cost.algorithms.hierarchical import Hierarchical
from shardplan.cost.analytic.collectives import Collectives
from shardplan.topology.collective import Collective, Scope
from shardplan.topology.measured.machine_curves import MachineCurves

MIB = 2**20


def on(nodes, text=CLUSTER, name="h100"):
    return Collectives(cluster(nodes, text), profile(name))


def test_inside_a_node_like_the_measured_one_times_are_the_measured_ones():
    """Four H100s: 64 MiB all-to-all in 192.34 us, all-reduce in 330.44 us, as nccl-tests found."""
    collectives = on(1)
    seconds = collectives.seconds(Collective.ALL_TO_ALL, Scope.NODE, 64 * MIB)
    assert seconds == pytest.approx(192.34e-6)
    seconds = collectives.seconds(Collective.ALL_REDUCE, Scope.ALL, 64 * MIB)
    assert seconds == pytest.approx(330.44e-6, rel=0.02)  # a size that the others predict


def test_links_of_half_the_rate_double_all_but_the_latency():
    """4 MiB among four H100s take 24.83 us, of which 6.48 us are latency."""
    slow = CLUSTER.replace("450GB/s", "225GB/s")
    seconds = on(1, slow).seconds(Collective.ALL_TO_ALL, Scope.NODE, 4 * MIB)
    assert seconds == pytest.approx(6.48e-6 + 2 * (24.83e-6 - 6.48e-6))


def test_across_nodes_the_nics_decide():
    """Each of 8 devices sends 4/8 of 64 MiB through its 50 GB/s NIC at 94%, 22 us after the start,
    and each of its messages to four devices takes 3 us besides.

    Inside the node only 3/8 move, at the efficiency of the message that moves as much there.
    """
    expected = 22e-6 + 4 * 3e-6 + 64 * MIB * 4 / 8 / (50e9 * 0.94)
    assert on(2).seconds(Collective.ALL_TO_ALL, Scope.ALL, 64 * MIB) == pytest.approx(expected)
    line = on(2).line(Collective.ALL_TO_ALL, Scope.ALL, 64 * MIB)
    assert line.constant_seconds == pytest.approx(34e-6)
    assert line.seconds(64 * MIB) == pytest.approx(expected)


def test_fast_nics_leave_the_scale_up_links_to_decide():
    """3/8 of 128 MiB stay inside the node, as in a 64 MiB all-to-all of four devices (3/4)."""
    fast = CLUSTER.replace("rate: 50GB/s", "rate: 5TB/s").replace("64GB/s", "5TB/s")
    seconds = on(2, fast).seconds(Collective.ALL_TO_ALL, Scope.ALL, 128 * MIB)
    assert seconds == pytest.approx(192.34e-6)


def test_the_nodes_collective_never_touches_the_nics():
    slow = CLUSTER.replace("rate: 50GB/s", "rate: 1GB/s")
    assert on(2, slow).seconds(Collective.REDUCE_SCATTER, Scope.NODE, 64 * MIB) == on(1).seconds(
        Collective.REDUCE_SCATTER, Scope.NODE, 64 * MIB
    )


def test_peers_exchange_through_their_nics_alone():
    """Two peers: half of the buffer crosses, in a message of 3 us."""
    expected = 22e-6 + 3e-6 + 8 * MIB / 2 / 47e9
    assert on(2).seconds(Collective.ALL_TO_ALL, Scope.PEERS, 8 * MIB) == pytest.approx(expected)


def test_one_device_has_nobody_to_exchange_with():
    alone = CLUSTER.replace("devices_per_node: 4", "devices_per_node: 1").replace(
        "nics: {count: 4", "nics: {count: 1"
    )
    for kind in Collective:
        for scope in Scope:
            assert on(1, alone).seconds(kind, scope, MIB) == 0
            assert on(1, alone).line(kind, scope, MIB).seconds(MIB) == 0


def test_start_up_grows_with_nodes():
    few, many = (on(n).seconds(Collective.ALL_TO_ALL, Scope.PEERS, 0) for n in (2, 64))
    assert few == pytest.approx(22e-6 + 3e-6)
    assert many == pytest.approx(84e-6 + 63 * 3e-6)


def test_average_pays_the_start_up_in_proportion_but_for_what_is_spent_once():
    line = on(2).average(Collective.ALL_TO_ALL, Scope.PEERS, 8 * MIB)
    assert line.constant_seconds == 0
    seconds = on(2).seconds(Collective.ALL_TO_ALL, Scope.PEERS, 8 * MIB)
    assert line.seconds(8 * MIB) == pytest.approx(seconds - 3e-6)


def test_a_number_of_ranks_that_was_not_measured_uses_the_nearest():
    """Three devices stand between two and four; five between four and eight, nearer to four."""
    scale_up = profile().scale_up
    assert scale_up.curve(Collective.ALL_TO_ALL, 3)[0] == 4
    assert scale_up.curve(Collective.ALL_TO_ALL, 5)[0] == 4
    assert scale_up.curve(Collective.ALL_TO_ALL, 72)[0] == 8


def test_bytes_moved_follow_the_definition_of_bus_bandwidth():
    """8 A100s at 256 MiB: 196 GB/s of bus bandwidth in an all-to-all, 215 in an all-reduce."""
    curves = profile("a100").scale_up.curves
    for kind, published in ((Collective.ALL_TO_ALL, 196e9), (Collective.ALL_REDUCE, 215e9)):
        moved = 256 * MIB * bus_share(kind, 8)
        assert moved / curves[kind, 8].seconds(256 * MIB) == pytest.approx(published, rel=0.02)


def test_what_a_machine_knows_of_its_nics_goes_before_the_profile():
    """Half of the rate and 100 + 2 x 5 us in place of 94% and 20 + 2 x 1 us; messages of 1 us."""
    traits = (
        "{count: 4, rate: 50GB/s, efficiency: 0.5, latency: 100us, latency_per_node: 5us, "
        "per_peer: 1us}"
    )
    own = CLUSTER.replace("{count: 4, rate: 50GB/s}", traits)
    line = on(2, own).line(Collective.ALL_TO_ALL, Scope.ALL, 64 * MIB)
    assert line.constant_seconds == pytest.approx(110e-6 + 4e-6)
    assert line.seconds_per_byte == pytest.approx(0.5 / 25e9)


@pytest.mark.parametrize(
    "kind", [Collective.REDUCE_SCATTER, Collective.ALL_GATHER, Collective.ALL_REDUCE]
)
def test_where_no_algorithms_are_known_bytes_cross_nodes_after_they_start_inside(kind):
    """A quarter of 64 MiB per device is halved between two nodes, twice in an all-reduce.

    It starts after the latency among the four devices of a node, and 22 us more across nodes.
    """
    latency = profile().scale_up.curves[kind, 4].latency_seconds
    crossing = 64 * MIB / 4 / 2 * (2 if kind is Collective.ALL_REDUCE else 1)
    slow = CLUSTER.replace("rate: 50GB/s", "rate: 1GB/s")
    expected = latency + 22e-6 + crossing / (1e9 * 0.94)
    known = profile()
    plain = replace(known, scale_out=replace(known.scale_out, algorithms=()))
    found = Collectives(cluster(2, slow), plain).seconds(kind, Scope.ALL, 64 * MIB)
    assert found == pytest.approx(expected)


def test_zionex_attains_what_its_paper_measured():
    """128 devices, 256 MB: 7 GB/s per device in an all-to-all, 60 GB/s in an all-reduce.

    Mudigere et al. 2021, both as bus bandwidth. One efficiency of the NICs explains both: 0.28. By
    the fewest bytes that an all-reduce can send across it does; NCCL's trees and rings send more.
    """
    collectives = Collectives(preset("zionex", 16), profile("a100"))
    moved = {kind: 256e6 * bus_share(kind, 128) for kind in Collective}
    seconds = collectives.seconds(Collective.ALL_TO_ALL, Scope.ALL, 256e6)
    assert moved[Collective.ALL_TO_ALL] / seconds == pytest.approx(7e9, rel=0.1)
    seconds = collectives.seconds(Collective.ALL_REDUCE, Scope.ALL, 256e6)
    least = Hierarchical().across_share(Collective.ALL_REDUCE, Group(8, 16)) / (25e9 * 0.28)
    assert moved[Collective.ALL_REDUCE] / (256e6 * least) == pytest.approx(60e9, rel=0.1)
    assert 256e6 * least < seconds < 1.25 * 256e6 * least


def test_two_dgx_a100_attain_what_was_measured_over_infiniband():
    """1 GiB among 16 devices: 43.25 GB/s of bus bandwidth (microsoft/mscclpp issue 87)."""
    collectives = Collectives(preset("dgx-a100-80", 2), profile("a100"))
    seconds = collectives.seconds(Collective.ALL_TO_ALL, Scope.ALL, 2**30)
    assert 2**30 * 15 / 16 / seconds == pytest.approx(43.25e9, rel=0.1)


def test_without_nvlink_an_all_to_all_takes_as_long_as_measured_over_pcie():
    """Eight L40S: 64 MiB in 38.3 ms, a sixtieth of what eight H100s attain: by the cost model,
    whose curves are of that machine.
    """
    bare = replace(preset("l40s-pcie", 1), curves=MachineCurves())
    collectives = Collectives(bare, profile("l40s"))
    seconds = collectives.seconds(Collective.ALL_TO_ALL, Scope.ALL, 64 * MIB)
    assert seconds == pytest.approx(38.298e-3, rel=0.02)


def test_a_rack_of_72_devices_exchanges_at_the_efficiency_of_a_tray():
    """Measured among four of a tray; 71/72 instead of 3/4 of the buffer moves."""
    collectives = Collectives(preset("gb200-nvl72", 18), profile("gb200"))
    measured = profile("gb200").scale_up.curves[Collective.ALL_TO_ALL, 4]
    seconds = collectives.seconds(Collective.ALL_TO_ALL, Scope.ALL, 64 * MIB)
    assert seconds == pytest.approx(measured.seconds(64 * MIB * (71 / 72) / (3 / 4)))
