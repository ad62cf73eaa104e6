"""Collections with a row for each id: what travels, what devices do, and what they have room for.

Expected numbers of ids come from batches drawn and counted here, seconds and bytes from formulas
written out once more.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from cost.analytic_cases import cluster, load, memory, model, options, profile, table
from hypothesis import given, settings
from hypothesis import strategies as st

from shardplan.cost.analytic.collectives import Collectives
from shardplan.plan.decision import Decision
from shardplan.plan.ledger import Ledger
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.topology.collective import Collective, Scope
from shardplan.workload.access import Padded, Padding, Uniform, Zipf
from shardplan.workload.collection import Collection, CollectionKind
from shardplan.workload.dtype import Dtype
from shardplan.workload.module.id_map import IdMap, IdMapPolicy
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.row_order import RowOrder
from shardplan.workload.training import Training

WORLD = 8
"""Devices of two nodes of the test cluster."""
SAMPLES = 512
"""Of each of them."""
SEQUENCE = Collection(CollectionKind.SEQUENCE, is_pooled=False)
ONCE = replace(SEQUENCE, dedup=True)
NO_PIPELINE = Training(pipeline=Pipeline.NONE)


def sequence(collection=SEQUENCE, padding=None, caps=(), **keys):
    found = table(**keys)
    access = Padded(found.access, Padding(*padding)) if padding else found.access
    return replace(found, collection=collection, access=access, caps=caps)


def drawn_ids(rows, count, padding, random):
    """Uniform ids, some of them replaced by the padding."""
    ids = random.integers(0, rows, count)
    if padding:
        ids[random.random(count) < padding[1]] = padding[0]
    return ids


def received(rows, ids_of_ranks, dedup):
    """How many ids each rank is sent, of those of all ranks, where rows are cut into blocks."""
    sent = [np.unique(ids) if dedup else ids for ids in ids_of_ranks]
    return np.bincount(np.concatenate(sent) // (rows // WORLD), minlength=WORLD)


def accesses(cost_model, count):
    """(W,): rows that each rank looks up, all tables row-wise."""
    whole = [
        Decision(index, ShardingType.ROW_WISE, Kernel.FUSED, 1, tuple(range(WORLD)))
        for index in range(count)
    ]
    return Ledger.of(whole, cost_model, cost_model.topology.world).rank_traffic[:, 0]


@settings(max_examples=40, deadline=None)
@given(
    tables=st.lists(
        st.tuples(
            st.integers(2, 60),
            st.integers(1, 6),
            st.none() | st.tuples(st.integers(0, 15), st.floats(0.1, 0.9)),
        ),
        min_size=1,
        max_size=3,
    ),
    dedup=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_ranks_look_up_what_they_are_sent_of_a_drawn_batch(tables, dedup, seed):
    random = np.random.default_rng(seed)
    collection = ONCE if dedup else SEQUENCE
    found, counted = [], np.zeros(WORLD)
    for number, (height, pooling, padding) in enumerate(tables):
        rows = height * WORLD
        found.append(
            sequence(collection, padding, name=f"t{number}", rows=rows, pooling=float(pooling))
        )
        ids = [drawn_ids(rows, SAMPLES * pooling, padding, random) for _ in range(WORLD)]
        counted += received(rows, ids, dedup)
    expected = accesses(model(*found, batch=SAMPLES * WORLD), len(found))
    assert (np.abs(expected - counted) <= 6 * np.sqrt(counted.max()) + 0.01 * counted).all()


def test_padding_of_a_table_by_frequency_lies_at_its_row():
    """Hot rows first, on the first rank; the padded row on the third."""
    rows, share = 800, 0.5
    padded = sequence(
        padding=(250, share), rows=rows, pooling=4.0, access=Zipf(1.0), ids=RowOrder.BY_FREQUENCY
    )
    ids = SAMPLES * WORLD * 4.0
    found = accesses(model(padded, batch=SAMPLES * WORLD), 1) / ids
    blocks = Zipf(1.0).distribution(rows, 4.0).block_shares(WORLD) * (1 - share)
    blocks[2] += share
    assert found == pytest.approx(blocks, rel=1e-9)


def test_what_all_ranks_do_is_on_average_what_a_unit_is_said_to_take():
    """So that a bound on averages holds: the padded rank does more, the others less."""
    padded = sequence(padding=(3, 0.6), rows=8_000, pooling=5.0)
    cost_model = model(padded, batch=SAMPLES * WORLD)
    way = options((0, "row_wise", "fused", 1))
    mean = cost_model.mean_seconds(way)[0]
    whole = Decision(0, ShardingType.ROW_WISE, Kernel.FUSED, 1, tuple(range(WORLD)))
    ranks = Ledger.of([whole], cost_model, cost_model.topology.world).rank_seconds
    assert (mean <= ranks.mean(axis=0) * (1 + 1e-9)).all()
    assert (ranks.max(axis=0)[1:6] > mean[1:6]).any()


def all_to_all(cost_model, at_bytes):
    collectives = Collectives(cost_model.topology, cost_model.profile)
    return collectives.line(Collective.ALL_TO_ALL, Scope.ALL, at_bytes).seconds_per_byte


@pytest.mark.parametrize("output", [Dtype.FP32, Dtype.FP16])
@pytest.mark.parametrize("phase", ["output_comm", "gradient_comm"])
def test_an_owner_sends_a_row_for_each_id(phase, output):
    """Row-wise in an all-to-all as well, W times less than whole tables; parts are joined."""
    ids, dim, element, ranks = SAMPLES * 10, 64, output.bytes, 4
    one = sequence(replace(SEQUENCE, output_dtype=output), dim=dim, pooling=10.0)
    cost_model = model(one, batch=SAMPLES * ranks, nodes=1)
    per_byte = all_to_all(cost_model, ids * dim * 4)
    swept = 2 * ids * dim * element / profile().dense_update_bytes_per_second
    sent = ids * dim * element * per_byte
    assert load(cost_model, "table_wise")[phase] == pytest.approx(ranks * sent)
    assert load(cost_model, "row_wise")[phase] == pytest.approx(sent + swept)
    columns = load(cost_model, "column_wise", cuts=2)[phase]
    assert columns == pytest.approx(ranks * sent / 2 + swept / 2)
    assert load(cost_model, "data_parallel")[phase] == 0


def test_a_column_shard_is_joined_on_every_device_of_one_node():
    ids, dim = SAMPLES * 10, 64
    cost_model = model(sequence(dim=dim, pooling=10.0), batch=SAMPLES * 4, nodes=1)
    costs = cost_model.unit_costs(options((0, "column_wise", "fused", 2)))
    names = [phase.name for phase in cost_model.phases]
    spilt = dict(zip(names, costs.spill_seconds[0].tolist(), strict=True))
    swept = 2 * ids * (dim // 2) * 4 / profile().dense_update_bytes_per_second
    assert spilt["output_comm"] == spilt["gradient_comm"] == pytest.approx(swept)
    assert spilt["lookup_forward"] == 0


def test_ids_made_distinct_travel_and_are_looked_up_once_a_rank():
    rows, pooling, dim = 1_000, 10.0, 64
    ids = SAMPLES * pooling
    distinct = rows * (1 - (1 - 1 / rows) ** ids)
    every, once = (
        model(sequence(each, rows=rows, dim=dim, pooling=pooling), batch=SAMPLES * WORLD)
        for each in (SEQUENCE, ONCE)
    )
    shares = once.shares(options((0, "table_wise", "fused", 1)))
    assert shares.ids[0] == pytest.approx(WORLD * distinct)
    assert shares.outputs[0] == pytest.approx(WORLD * distinct)
    assert shares.unique_rows[0] == pytest.approx(rows * (1 - (1 - 1 / rows) ** (WORLD * ids)))
    on_rank = once.shares(options((0, "data_parallel", "dense", 1)))
    assert on_rank.ids[0] == pytest.approx(distinct)
    constants = [
        {phase.name: phase.constant_seconds for phase in each.phases} for each in (every, once)
    ]
    expanded = 2 * ids * dim * 4 / profile().dense_update_bytes_per_second
    for phase in ("output_comm", "gradient_comm"):
        assert constants[1][phase] - constants[0][phase] == pytest.approx(expanded, rel=0.05)


def test_buffers_have_room_for_the_most_ids_of_a_sample():
    """At the cap: ids and lengths, outputs and gradients, and outputs in the ids' order."""
    dim, ranks, cap = 64, 4, 30
    ids, lengths = SAMPLES * cap, SAMPLES
    one = sequence(caps=(float(cap),), rows=1_000, dim=dim, pooling=10.0)
    cost_model = model(one, batch=SAMPLES * ranks, nodes=1, training=NO_PIPELINE)
    base = 8 * ids + 8 * lengths + ids * dim * (4 + 4 + 4)
    assert cost_model.base_memory_bytes[0] == base
    rows = 1_000 * dim * 4 + 1_000 * 4
    buffers = 8 * ids * ranks + 8 * lengths * ranks + ids * ranks * dim * (4 + 4)
    assert memory(cost_model, "table_wise")[0] == rows + buffers
    at_mean = model(replace(one, caps=()), batch=SAMPLES * ranks, nodes=1, training=NO_PIPELINE)
    assert load(cost_model, "table_wise") == load(at_mean, "table_wise")


def test_made_distinct_there_is_room_for_all_ids_too():
    rows, dim, ids = 100, 64, SAMPLES * 10
    distinct = np.ceil(rows * (1 - (1 - 1 / rows) ** ids))
    one = sequence(ONCE, rows=rows, dim=dim, pooling=10.0)
    cost_model = model(one, batch=SAMPLES * 4, nodes=1, training=NO_PIPELINE)
    base = 8 * distinct + 8 * SAMPLES + 8 * ids + dim * (distinct * 12 + ids * 8)
    assert cost_model.base_memory_bytes[0] == base


@pytest.mark.parametrize(
    ("policy", "row_bytes", "id_bytes"),
    [
        (IdMapPolicy.LFU, 24, 8),
        (IdMapPolicy.LRU, 24, 16),
        (IdMapPolicy.DISTANCE_LFU, 32, 16),
        (IdMapPolicy.HASH, 8, 0),
        (IdMapPolicy.HASH_EVICTING, 12, 0),
    ],
)
def test_a_map_of_ids_takes_memory_by_rows_and_a_history_by_ids(policy, row_bytes, id_bytes):
    rows, interval = 8_000, 3
    bag = table(rows=rows, pooling=10.0)
    managed = Collection(CollectionKind.MANAGED_COLLISION, id_map=IdMap(policy, interval))
    plain, mapped = (
        memory(model(each, batch=SAMPLES * WORLD), "row_wise")[0]
        for each in (bag, replace(bag, collection=managed))
    )
    history = id_bytes * 1.25 * interval * SAMPLES * 10
    assert mapped - plain == rows / WORLD * row_bytes + history


def test_numbers_that_a_hashed_map_keeps_of_a_row_take_8_bytes_each():
    maps = [IdMap(IdMapPolicy.HASH, runtime_meta_dim=count) for count in (0, 3)]
    assert maps[1].row_bytes - maps[0].row_bytes == 24


def test_mapped_ids_travel_back_where_they_are_asked_for():
    bag = table(pooling=10.0)
    plain, asked = (
        replace(
            bag,
            collection=Collection(CollectionKind.MANAGED_COLLISION, id_map=IdMap(returns_ids=each)),
        )
        for each in (False, True)
    )
    costs = [model(each, batch=SAMPLES * WORLD) for each in (plain, asked)]
    seconds = [load(each, "row_wise")["output_comm"] for each in costs]
    back = 8 * SAMPLES * 10 * all_to_all(costs[0], SAMPLES * 64 * 4)
    assert seconds[1] - seconds[0] == pytest.approx(back)


def test_learnt_weights_are_read_and_their_gradients_written():
    bag = replace(table(pooling=10.0), weighted=True)
    learnt = replace(bag, collection=Collection(CollectionKind.FEATURE_PROCESSED))
    plain, processed = (load(model(each), "table_wise") for each in (bag, learnt))
    written = 8_192 * 10 * 4 / profile().dense_update_bytes_per_second
    more = processed["update_backward"] - plain["update_backward"]
    assert more == pytest.approx(written)
    assert processed["lookup_forward"] == plain["lookup_forward"]
    unweighted = load(model(replace(bag, weighted=False)), "table_wise")
    assert plain["lookup_forward"] > unweighted["lookup_forward"]
    assert plain["ids_comm"] > unweighted["ids_comm"]


def test_a_padded_table_of_one_row_reads_that_row():
    assert Padded(Uniform(), Padding(0, 0.3)).distribution(1, 5.0).unique_rows(100) == 1


@given(rows=st.integers(2, 500), share=st.floats(0, 1), draws=st.floats(1, 1e4))
def test_padding_is_one_row_more_beside_the_others(rows, share, draws):
    found = Padded(Uniform(), Padding(0, share)).distribution(rows, 5.0)
    assert found.counts.sum() == pytest.approx(rows)
    others = (rows - 1) * (1 - (1 - (1 - share) / (rows - 1)) ** draws)
    assert found.unique_rows(draws) == pytest.approx(min(draws, others + 1 - (1 - share) ** draws))


def test_the_cluster_of_these_tests_has_two_nodes():
    assert cluster().world_size == WORLD
