"""Collectives across nodes: algorithms, what switches help, and curves of a machine's own."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from analytic_cases import CLUSTER, cluster, model, options, preset, profile, table
from measured_networks import MEASURED, MIB

from shardplan.cost.algorithms.all_algorithms import ALGORITHMS
from shardplan.cost.algorithms.group import Group
from shardplan.cost.analytic.carried_curve import CarriedCurve
from shardplan.cost.analytic.collectives import Collectives
from shardplan.cost.analytic.reading_point import reading_bytes
from shardplan.cost.profile.curves import Curve
from shardplan.topology.collective import Collective, Scope
from shardplan.topology.measured.machine_curves import MachineCurves, MeasuredCurve

ALL_REDUCE, ALL_TO_ALL = Collective.ALL_REDUCE, Collective.ALL_TO_ALL
SIZES = [2**power for power in range(10, 34, 3)]
CURVES = {name: preset(name, 4).curves.scale_out for name in ("gcp-a3-mega", "aws-p6-b200")}


def on(nodes, text=CLUSTER, keep=None):
    """With the algorithms named alone, where they are."""
    known = profile()
    if keep is not None:
        kept = tuple(
            a for a in known.scale_out.algorithms if (a.algorithm.name, a.protocol) in keep
        )
        known = replace(known, scale_out=replace(known.scale_out, algorithms=kept))
    return Collectives(cluster(nodes, text), known)


def switches(nvls="false", sharp="false"):
    """The cluster, whose switches can sum or not."""
    return CLUSTER.replace("bandwidth: 450GB/s", f"bandwidth: 450GB/s, nvls: {nvls}").replace(
        "rate: 50GB/s", f"rate: 50GB/s, sharp: {sharp}"
    )


def test_hops_and_bytes_of_each_algorithm_are_those_of_eight_nodes_of_eight():
    """2 x 63 hops around, 14 of which cross; a tree of depth 3; of the buffer, 2 x 63/64, 2, 1 and
    2 x 7/8 eighths leave by each device's NIC.
    """
    group = Group(8, 8, sums_inside=True, sums_across=True)
    expected = {
        "ring": (112, 14, 2 * 63 / 64 / 8),
        "tree": (14, 6, 2 / 8),
        "nvls_tree": (1, 6, 2 / 8),
        "sharp": (2, 1, 1 / 8),
        "nvls_sharp": (1, 1, 1 / 8),
        "hierarchical": (2, 14, 2 * 7 / 8 / 8),
    }
    found = {}
    for name, algorithm in ALGORITHMS.items():
        hops = algorithm.hops(ALL_REDUCE, group)
        share = algorithm.across_share(ALL_REDUCE, group)
        found[name] = (hops.inside, hops.across, share)
    assert found == expected


def test_a_tree_of_two_nodes_sends_the_bytes_across_once():
    """Four devices share 64 MiB through NICs of 50 GB/s, at 94% of 92%; 6 and 2 hops to start.

    Inside the node half a reduce-scatter and half an all-gather pass meanwhile, or before.
    """
    course = on(2, keep={("tree", "Simple")}).course(ALL_REDUCE, Scope.ALL, 64 * MIB)
    start = 8.4e-6 + 6 * 4e-6 + 2 * 14e-6
    across = 64 * MIB / 4 / (50e9 * 0.94 * 0.92)
    curves = profile().scale_up.curves
    inside = sum(
        curves[kind, 4].seconds(64 * MIB) - curves[kind, 4].latency_seconds
        for kind in (Collective.REDUCE_SCATTER, Collective.ALL_GATHER)
    )
    assert course.start_seconds == pytest.approx(start)
    assert course.pipelined_seconds == pytest.approx(start + max(across, inside))
    assert course.sequential_seconds == pytest.approx(start + across + inside)


def test_the_quickest_algorithm_is_chosen_by_size():
    """Start-ups decide for small messages, bytes for large ones."""
    names = [(a.algorithm.name, a.protocol) for a in profile().scale_out.algorithms]
    chosen = []
    for size in SIZES:
        found = on(8).course(ALL_REDUCE, Scope.ALL, size)
        alone = [on(8, keep={name}).course(ALL_REDUCE, Scope.ALL, size) for name in names]
        least = min(course.pipelined_seconds for course in alone if course)
        assert found.pipelined_seconds == least
        assert found.pipelined_seconds <= found.sequential_seconds
        chosen.append((found.costs.algorithm.name, found.costs.protocol))
    assert (chosen[0], chosen[-1]) == (("tree", "LL"), ("ring", "Simple"))


@pytest.mark.parametrize("kind", [kind for kind in Collective if kind is not ALL_REDUCE])
def test_switches_that_sum_help_no_other_collective(kind):
    with_them = on(8, switches("true", "true"))
    for size in SIZES:
        assert with_them.seconds(kind, Scope.ALL, size) == on(8).seconds(kind, Scope.ALL, size)


def test_switches_that_sum_help_all_reduces():
    """The more, the more of them do: at 256 MiB without, inside the nodes, and across too."""
    texts = [switches(), switches("true"), switches("true", "true")]
    seconds = [on(8, text).seconds(ALL_REDUCE, Scope.ALL, 256 * MIB) for text in texts]
    assert seconds == sorted(seconds, reverse=True)
    assert seconds[-1] < 0.8 * seconds[0]


def test_the_fewer_bytes_go_to_each_peer_the_lower_is_the_rate():
    """56 messages of 3 us each beside 56/64 of the buffer at 47 GB/s, after 28 us."""
    for size in (MIB, 64 * MIB):
        expected = 28e-6 + 56 * 3e-6 + size * 56 / 64 / 47e9
        found = Collectives(preset("dgx-h100", 8), profile()).seconds(ALL_TO_ALL, Scope.ALL, size)
        assert found == pytest.approx(expected)


def test_what_a_collective_spends_however_few_its_bytes_are_is_charged_once_for_each_type():
    """Four messages of 3 us table-wise, one to the peer in table-row-wise; the start-up of the
    algorithm row-wise and data-parallel.
    """
    cost_model = model(table(dim=128), table(name="u"))
    kinds = ("table_wise", "table_row_wise", "row_wise", "data_parallel")
    kernels = ("fused", "fused", "fused", "dense")
    ways = [(0, kind, kernel, 1) for kind, kernel in zip(kinds, kernels, strict=True)]
    charges = cost_model.charges(options(*ways))
    phases = [phase.name for phase in cost_model.phases]
    by_name = {
        name: dict(zip(phases, seconds, strict=True))
        for name, seconds in zip(charges.names, charges.seconds.tolist(), strict=True)
    }
    assert set(by_name) == set(kinds)
    assert by_name["table_wise"]["output_comm"] == pytest.approx(12e-6)
    assert by_name["table_row_wise"]["gradient_comm"] == pytest.approx(3e-6)
    buffer_bytes = 8_192 * (128 + 64) * 4 / 8
    collectives = Collectives(cluster(2), profile())
    summed = Collective.REDUCE_SCATTER, Scope.ALL
    read_at = reading_bytes(collectives, *summed, 8 * buffer_bytes / 2, 8 * buffer_bytes)
    course = collectives.course(*summed, read_at)
    assert by_name["row_wise"]["output_comm"] == pytest.approx(course.start_seconds)
    course = collectives.course(ALL_REDUCE, Scope.ALL, buffer_bytes)
    assert by_name["data_parallel"]["all_reduce"] == pytest.approx(course.start_seconds)


@pytest.mark.parametrize("name", ["dgx-a100", "dgx-b200", "dgx-h100", "zionex"])
@pytest.mark.parametrize("nodes", [2, 16])
def test_a_line_for_few_and_many_tables_is_nowhere_off_by_a_factor_of_two(name, nodes):
    """Read at a device's outputs it is, where a tree is quickest for these."""
    collectives = Collectives(preset(name, nodes), profile())
    for kind in (Collective.REDUCE_SCATTER, Collective.ALL_GATHER):
        for one_table, tables in ((3e5, 500), (1e6, 26), (4e6, 1000)):
            read_at = reading_bytes(collectives, kind, Scope.ALL, one_table, one_table * tables)
            once = collectives.once_seconds(kind, Scope.ALL, read_at)
            line = collectives.average(kind, Scope.ALL, read_at)
            for count in (1, 2, 5, tables // 3, tables):
                takes = collectives.seconds(kind, Scope.ALL, count * one_table)
                assert 0.5 <= (once + line.seconds(count * one_table)) / takes <= 2


@pytest.mark.parametrize("nodes", [1, 2])
def test_within_a_node_nothing_is_charged(nodes):
    cost_model = model(table(), nodes=nodes)
    charges = cost_model.charges(
        options((0, "table_wise", "fused", 1), (0, "row_wise", "fused", 1))
    )
    assert len(charges.names) == (0 if nodes == 1 else 2)


@pytest.mark.parametrize(("name", "cost_model"), [("gcp-a3-mega", "h100"), ("aws-p6-b200", "b200")])
def test_a_machine_takes_as_long_as_it_was_measured(name, cost_model):
    (curve,) = CURVES[name]
    collectives = Collectives(preset(name, curve.domains), profile(cost_model))
    for size, seconds in curve.points:
        assert collectives.seconds(ALL_REDUCE, Scope.ALL, size) == pytest.approx(seconds)


def test_a_measured_curve_is_carried_over_to_other_numbers_of_nodes_by_what_is_predicted():
    (curve,) = CURVES["gcp-a3-mega"]
    measured = Curve.of(curve)
    bare = {
        nodes: Collectives(replace(preset("gcp-a3-mega", nodes), curves=MachineCurves()), profile())
        for nodes in (2, 16)
    }
    own = Collectives(preset("gcp-a3-mega", 16), profile())
    for size in (MIB, 256 * MIB):
        two, many = (bare[n].seconds(ALL_REDUCE, Scope.ALL, size) for n in (2, 16))
        expected = measured.seconds(size) * many / two
        assert own.seconds(ALL_REDUCE, Scope.ALL, size) == pytest.approx(expected)


@pytest.mark.parametrize("name", CURVES)
def test_points_of_a_measured_curve_follow_from_the_others(name):
    """Each left out in turn, a step of two between its neighbours: 10% in the mean."""
    (curve,) = CURVES[name]
    errors = []
    for at in range(1, len(curve.points) - 1):
        others = curve.points[:at] + curve.points[at + 1 :]
        size, seconds = curve.points[at]
        errors.append(abs(Curve(others).seconds(size) / seconds - 1))
    assert sum(errors) / len(errors) < 0.1


@pytest.mark.parametrize(
    "row", MEASURED, ids=lambda row: f"{row.topology}-{row.nodes}-{row.source}"
)
def test_what_others_measured_is_met_within_a_fifth(row):
    """On machines without a curve of their own for it, by figures that it did not set."""
    topology = preset(row.topology, row.nodes)
    if not row.sharp:
        nics = replace(topology.nic_traits, switches_reduce=False)
        topology = replace(topology, nic_traits=nics)
    collectives = Collectives(topology, profile(row.cost_model))
    seconds = collectives.seconds(row.collective, Scope.ALL, row.size_bytes)
    assert seconds == pytest.approx(row.seconds, rel=0.2)


TWO_NODES = """
curves:
  scale_out:
    - {collective: all_to_all, nodes: 2, ranks: 8, rate: 50GB/s,
       points: [[1MiB, 1ms], [64MiB, 10ms]]}
"""


def test_an_all_to_all_of_two_nodes_says_nothing_of_one_of_many():
    both = CLUSTER + TWO_NODES
    assert on(2, both).seconds(ALL_TO_ALL, Scope.ALL, 64 * MIB) == pytest.approx(10e-3)
    plain, told = (
        on(16, text).seconds(ALL_TO_ALL, Scope.ALL, 64 * MIB) for text in (CLUSTER, both)
    )
    assert told == plain


OWN = """
curves:
  scale_up:
    link: 450GB/s
    curves:
      - {collective: all_to_all, ranks: 4, points: [[1MiB, 1ms], [64MiB, 10ms]]}
"""


def test_a_machines_own_curve_takes_the_place_of_the_cost_models():
    own, of_model = on(1, CLUSTER + OWN), on(1)
    assert own.seconds(ALL_TO_ALL, Scope.ALL, 64 * MIB) == pytest.approx(10e-3)
    assert own.seconds(ALL_REDUCE, Scope.ALL, MIB) == of_model.seconds(ALL_REDUCE, Scope.ALL, MIB)


def test_an_l40s_machine_exchanges_as_one_of_its_kind_behind_slower_links():
    """The curves of RTX PRO 6000 behind PCIe 5, at half of their rate: not the 2 GB/s of the L40S
    that were measured.
    """
    behind_pcie_5 = profile("rtx-pro-6000").scale_up.curves[ALL_TO_ALL, 8]
    latency = behind_pcie_5.latency_seconds
    expected = latency + 2 * (behind_pcie_5.seconds(64 * MIB) - latency)
    own = Collectives(preset("l40s-pcie", 1), profile("l40s"))
    assert own.seconds(ALL_TO_ALL, Scope.ALL, 64 * MIB) == pytest.approx(expected)


@pytest.mark.parametrize("nodes", [2, 3, 8, 16])
@pytest.mark.parametrize(
    ("name", "cost_model"),
    [
        ("gcp-a3-mega", "h100"),
        ("aws-p6-b200", "b200"),
        ("aws-p4d", "a100"),
        ("dgx-a100-80", "a100"),
        ("dgx-b200", "b200"),
    ],
)
def test_more_bytes_never_take_less_time(name, cost_model, nodes):
    """Of what is predicted, and of what was measured among other numbers of nodes."""
    collectives = Collectives(preset(name, nodes), profile(cost_model))
    sizes = [2 ** (power / 2) for power in range(68)]
    for kind in Collective:
        seconds = [collectives.seconds(kind, Scope.ALL, size) for size in sizes]
        for less, more in pairwise(seconds):
            assert more >= less * (1 - 1e-12), kind


def test_a_carried_curve_never_falls_where_predictions_of_both_numbers_of_nodes_jump_apart():
    """10, 11 and 40 us: where the ratio is 1 below 2,000 bytes and a half above, 10, 10 and 20."""
    points = ((1024.0, 10e-6), (2048.0, 11e-6), (8192.0, 40e-6))
    measured = MeasuredCurve(ALL_REDUCE, 16, 2, 50e9, points)
    carried = CarriedCurve.of(
        measured, lambda size: size, lambda size: size if size < 2000 else 2 * size
    )
    found = [carried.seconds(size) for size in (1024, 1500, 2048, 8192)]
    assert found == pytest.approx([10e-6, 10e-6, 10e-6, 20e-6])
    outside = [carried.seconds(size) for size in (512, 16384)]
    assert outside == pytest.approx([5e-6, 40e-6]), "as the prediction goes on"
