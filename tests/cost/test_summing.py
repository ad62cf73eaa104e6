"""What sums of data-parallel gradients cost, by nodes and sparsified, against arithmetic by hand.

Two nodes of four devices, and a gradient of as many bytes as its straight line goes through.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from analytic_cases import cluster, load, memory, model, options, profile, table

from shardplan.cost.analytic.collectives import Collectives
from shardplan.cost.framework.framework_profile import FrameworkProfile
from shardplan.topology.collective import Collective, Scope
from shardplan.workload.training import Training
from shardplan.workload.wire.reduction import Reduction
from shardplan.workload.wire.reduction_algorithm import ReductionAlgorithm

ROWS, DIM, DEVICES, EACH = 1_000, 64, 8, 4
GRADIENT_BYTES = ROWS * DIM * 4
"""Fewer than the outputs of a device, 8,192 / 8 samples of 64 numbers."""
FLAT, HIERARCHICAL, AUTO = ReductionAlgorithm
SUMMED_INSIDE = (Collective.REDUCE_SCATTER, Scope.NODE, GRADIENT_BYTES)
GATHERED_INSIDE = (Collective.ALL_GATHER, Scope.NODE, GRADIENT_BYTES)
TENTH = 0.1


def costs(reduction: Reduction, **more):
    training = Training(reduction=reduction)
    return model(table(rows=ROWS, dim=DIM), training=training, **more)


def all_reduce_seconds(cost_model) -> float:
    """Of the only table, the start-ups of its module included."""
    charges = cost_model.charges(options((0, "data_parallel", "dense", 1)))
    place = [phase.name for phase in cost_model.phases].index("all_reduce")
    return load(cost_model, "data_parallel")["all_reduce"] + float(charges.seconds[:, place].sum())


def seconds_of(*legs: tuple[Collective, Scope, float], nodes: int = 2) -> float:
    collectives = Collectives(cluster(nodes), profile())
    return sum(collectives.seconds(*leg) for leg in legs)


def test_sums_by_nodes_take_three_collectives_one_after_the_other() -> None:
    across = (Collective.ALL_REDUCE, Scope.PEERS, GRADIENT_BYTES / EACH)
    found = all_reduce_seconds(costs(Reduction(HIERARCHICAL)))
    assert found == pytest.approx(seconds_of(SUMMED_INSIDE, across, GATHERED_INSIDE), rel=1e-9)
    flat = all_reduce_seconds(costs(Reduction()))
    whole = (Collective.ALL_REDUCE, Scope.ALL, GRADIENT_BYTES)
    assert flat == pytest.approx(seconds_of(whole), rel=1e-9)


def test_a_tenth_of_all_numbers_goes_as_pairs_to_all() -> None:
    """Each of 8 devices sends 6,400 of its 64,000 numbers in 8 bytes: 1.6 times the gradient.

    Memory is passed over 5 times for the rest, 4 times to select, once for the pairs and twice for
    the sums that 8 tenths are added to.
    """
    pairs_bytes = DEVICES * TENTH * 2 * GRADIENT_BYTES
    moved_bytes = (5 + 4 + 1.6 + 2 * 0.8) * GRADIENT_BYTES
    expected = seconds_of((Collective.ALL_GATHER, Scope.ALL, pairs_bytes))
    expected += moved_bytes / profile().dense_update_bytes_per_second
    found = all_reduce_seconds(costs(Reduction(top_k=TENTH)))
    assert found == pytest.approx(expected, rel=1e-9)


def test_by_nodes_a_tenth_of_the_nodes_sums_crosses() -> None:
    """Each device selects from a fourth of the node's sums, and gets the pairs of two nodes."""
    pairs_bytes = 2 * TENTH * 2 * GRADIENT_BYTES / EACH
    moved_bytes = (5 + 4 / EACH + 0.1 + 2 * 2 * TENTH / EACH) * GRADIENT_BYTES
    across = (Collective.ALL_GATHER, Scope.PEERS, pairs_bytes)
    expected = seconds_of(SUMMED_INSIDE, across, GATHERED_INSIDE)
    expected += moved_bytes / profile().dense_update_bytes_per_second
    found = all_reduce_seconds(costs(Reduction(HIERARCHICAL, TENTH)))
    assert found == pytest.approx(expected, rel=1e-9)


def test_what_is_not_sent_and_the_pairs_of_all_take_memory() -> None:
    exact = memory(costs(Reduction()), "data_parallel")[0]
    assert memory(costs(Reduction(HIERARCHICAL)), "data_parallel")[0] == exact
    flat = memory(costs(Reduction(top_k=TENTH)), "data_parallel")[0]
    assert flat - exact == pytest.approx((1 + 1.6) * GRADIENT_BYTES, abs=1)
    by_nodes = memory(costs(Reduction(HIERARCHICAL, TENTH)), "data_parallel")[0]
    assert by_nodes - exact == pytest.approx((1 + 0.1) * GRADIENT_BYTES, abs=1)
    assert memory(costs(Reduction(top_k=TENTH)), "table_wise") == memory(
        costs(Reduction()), "table_wise"
    )


def test_one_node_has_no_levels() -> None:
    by_nodes, flat = (
        all_reduce_seconds(costs(Reduction(algorithm), nodes=1))
        for algorithm in (HIERARCHICAL, FLAT)
    )
    assert by_nodes == flat


def test_sums_of_read_rows_alone_select_from_these() -> None:
    """All 1,000 rows are read by some of 81,920 ids; the byte that tells of each is gathered as
    before."""
    sparse = FrameworkProfile("any", {}, sums_read_rows=True)
    marks = [
        all_reduce_seconds(replace(found, framework=sparse)) - all_reduce_seconds(found)
        for found in (costs(Reduction()), costs(Reduction(HIERARCHICAL, TENTH)))
    ]
    assert marks[0] == pytest.approx(marks[1], rel=1e-6)
    assert 0 < marks[0] < 0.01 * all_reduce_seconds(costs(Reduction()))


@pytest.mark.parametrize(("top_k", "nodes"), [(None, 2), (None, 64), (TENTH, 2), (TENTH, 1)])
def test_where_it_is_left_open_the_quicker_way_is_taken(top_k: float | None, nodes: int) -> None:
    ways = {
        algorithm: costs(Reduction(algorithm, top_k), nodes=nodes)
        for algorithm in (FLAT, HIERARCHICAL)
    }
    seconds = {algorithm: all_reduce_seconds(found) for algorithm, found in ways.items()}
    open_one = costs(Reduction(AUTO, top_k), nodes=nodes)
    assert all_reduce_seconds(open_one) == min(seconds.values())
    assert open_one.reduction == Reduction(min(seconds, key=seconds.__getitem__), top_k)
    if top_k and nodes > 1:
        assert open_one.reduction.algorithm is HIERARCHICAL
