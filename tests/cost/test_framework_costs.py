"""What a framework adds to phases, by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from analytic_cases import CLUSTER, cluster, load, model, option, options, profile, table

from shardplan import load as load_case
from shardplan.cost.analytic.collectives import Collectives
from shardplan.cost.framework.framework_profile import FrameworkProfile
from shardplan.cost.framework.terms import Terms, UnitTerms
from shardplan.sharding.kind import ShardingType
from shardplan.topology.collective import Collective, Scope
from shardplan.workload.optimizers.optimizer import OPTIMIZERS, Optimizer
from shardplan.workload.pipeline.cover import Cover
from shardplan.workload.training import Training

BATCH, WORLD, DIM, POOLING = 8_192, 8, 64, 10.0
SWEEP = profile().dense_update_bytes_per_second
UNITS = {
    "per_table": 1,
    "per_feature": 2,
    "per_id": BATCH * POOLING,
    "per_row_element": BATCH * POOLING * DIM,
    "id_bytes": BATCH * POOLING / SWEEP,
    "row_bytes": BATCH * POOLING * DIM / SWEEP,
    "summed_row_bytes": BATCH * (POOLING - 2) * DIM / SWEEP,
    "output_bytes": BATCH * 2 * DIM / SWEEP,
    "whole_output_bytes": BATCH * 2 * DIM / SWEEP,
    "per_output_byte": BATCH * 2 * DIM * 4,
}
"""What one table of two features makes its only device do, in units of each term."""


def tables():
    return table(dim=DIM, pooling=POOLING, features=2), table("u", dim=32, pooling=0.5)


def framed(training=None, nodes=2, batch=BATCH, **terms):
    """The model of two tables under a framework that has these terms of these phases."""
    plain = model(*tables(), batch=batch, training=training, nodes=nodes)
    return replace(plain, framework=FrameworkProfile("mine", terms))


def added(phase, terms, sharding="table_wise", cuts=1, **more):
    """Seconds that the terms add to a phase of one unit of the first table."""
    before = load(model(*tables(), batch=BATCH, **more), sharding, cuts=cuts).get(phase, 0.0)
    return load(framed(**more, **{phase: terms}), sharding, cuts=cuts)[phase] - before


def constants(cost_model):
    return {phase.name: phase.constant_seconds for phase in cost_model.phases}


@pytest.mark.parametrize("term", UNITS)
def test_a_term_is_paid_for_each_of_its_units(term):
    assert added("host", Terms(**{term: 3.0})) == pytest.approx(3 * UNITS[term])
    assert added("update_backward", Terms(**{term: 3.0})) == pytest.approx(3 * UNITS[term])


def test_all_terms_add_up():
    terms = Terms(**dict.fromkeys(UNITS, 1e-9))
    assert added("lookup_forward", terms) == pytest.approx(1e-9 * sum(UNITS.values()))


def test_ids_are_bucketed_only_where_rows_are_cut():
    terms = Terms(per_bucketed_id=1.0)
    assert added("ids_comm", terms, "table_wise") == 0
    assert added("ids_comm", terms, "column_wise", cuts=2) == 0
    assert added("ids_comm", terms, "row_wise") == pytest.approx(BATCH * POOLING / WORLD)


def test_a_column_shard_handles_all_ids_and_half_of_the_elements():
    assert added("host", Terms(per_id=1.0), "column_wise", cuts=2) == BATCH * POOLING
    halves = added("host", Terms(row_bytes=SWEEP), "column_wise", cuts=2)
    assert halves == pytest.approx(BATCH * POOLING * DIM / 2)


def test_outputs_are_whole_once_the_parts_of_cut_rows_are_summed():
    """On eight devices each has an eighth of the sums that it had parts of."""
    parts = added("output_comm", Terms(output_bytes=SWEEP), "row_wise")
    whole = added("output_comm", Terms(whole_output_bytes=SWEEP), "row_wise")
    assert parts == pytest.approx(WORLD * whole)
    assert whole == pytest.approx(BATCH * 2 * DIM / WORLD)


def test_a_distinct_row_is_moved_once_however_many_ids_ask_for_it():
    terms = Terms(unique_row_bytes=SWEEP)
    shares = model(*tables(), batch=BATCH).shares(option("table_wise"))
    assert added("update_backward", terms) == pytest.approx(shares.unique_rows[0] * DIM)
    assert shares.unique_rows[0] < BATCH * POOLING


def test_dense_layers_move_what_the_framework_does_not_fuse():
    """At the rate of the cost model; products take the same time."""
    dense = {"layers": [{"mlp": [64, 64]}], "dtype": "bf16"}
    taken = {}
    for name in (None, "hugectr", "torchrec-eager"):
        training = {"dense": dense} | ({"framework": name} if name else {})
        case = load_case(
            {
                "batch": {"local": 4096},
                "topology": {"name": "dgx-h100", "nodes": 1},
                "tables": [{"name": "t", "rows": 100_000, "dim": 64}],
                "training": training,
            }
        )
        taken[name] = case.cost_model.dense.forward_seconds
        rate = case.cost_model.profile.dense.elementwise_bytes_per_second
    a_pass = 4096 * 64 * 2 / rate
    assert taken[None] - taken["hugectr"] == pytest.approx(a_pass)
    assert taken["torchrec-eager"] - taken[None] == pytest.approx(a_pass)


def test_rows_that_no_sample_has_two_of_are_not_summed():
    found = framed(lookup_forward=Terms(summed_row_bytes=1.0))
    plain = model(*tables(), batch=BATCH)
    assert load(found, "table_wise", at=1) == load(plain, "table_wise", at=1)


@pytest.mark.parametrize("phase", ["ids_comm", "output_comm", "gradient_comm"])
def test_a_data_parallel_table_has_no_part_in_exchanges(phase):
    assert added(phase, Terms(per_id=1.0), "data_parallel") == 0
    assert added("lookup_forward", Terms(per_id=1.0), "data_parallel") == BATCH * POOLING / WORLD


def test_every_step_pays_for_itself_its_samples_and_the_models_features():
    terms = Terms(per_step=1.0, per_sample=0.5, per_model_feature=0.25)
    before, after = constants(model(*tables())), constants(framed(update_backward=terms))
    more = 1.0 + 0.5 * BATCH / WORLD + 0.25 * 3
    assert after["update_backward"] - before["update_backward"] == pytest.approx(more)
    assert {n: after[n] for n in before if n != "update_backward"} == {
        n: before[n] for n in before if n != "update_backward"
    }


def test_one_device_exchanges_nothing_and_pays_nothing_for_it():
    text = CLUSTER.replace("devices_per_node: 4", "devices_per_node: 1")
    text = text.replace("count: 4", "count: 1")
    alone = replace(framed(), topology=cluster(1, text))
    dear = Terms(per_step=1.0, per_group=1.0, per_table=1.0)
    with_terms = replace(alone, framework=FrameworkProfile("m", {"output_comm": dear}))
    assert load(with_terms, "table_wise") == load(alone, "table_wise")
    assert constants(with_terms) == constants(alone)
    assert with_terms.charges(option("table_wise")).names == ()


def test_each_sharding_type_of_a_module_is_charged_once():
    found = framed(ids_comm=Terms(per_group=1.0, exchanges=2), host=Terms(per_group=3.0))
    ways = [(0, "table_wise", "fused", 1), (1, "table_wise", "fused", 1),
            (0, "row_wise", "fused", 1), (1, "data_parallel", "dense", 1)]  # fmt: skip
    charges = found.charges(options(*ways))
    names = [phase.name for phase in found.phases]
    handshake = Collectives(found.topology, found.profile).seconds(
        Collective.ALL_TO_ALL, Scope.ALL, 8 * WORLD
    )
    paid = {
        name: dict(zip(names, seconds.tolist(), strict=True))
        for name, seconds in zip(charges.names, charges.seconds, strict=True)
    }
    assert {name: (each["ids_comm"], each["host"]) for name, each in paid.items()} == {
        "table_wise": (pytest.approx(1 + 2 * handshake), 3.0),
        "row_wise": (pytest.approx(1 + 2 * handshake), 3.0),
        "data_parallel": (0.0, 3.0),
    }
    assert charges.of_option.sum(axis=1).tolist() == [1, 1, 1, 1]
    assert np.array_equal(charges.of_option[0], charges.of_option[1])


def test_the_host_has_a_chain_of_its_own_and_overheads_hide_behind_nothing():
    found = framed(
        Training(overhead_seconds=0.5), host=Terms(per_step=1.0), overhead=Terms(per_step=0.25)
    )
    covers = {phase.name: phase.hides_behind for phase in found.phases}
    assert covers["host"] is Cover.DEVICES
    assert covers["overhead"] is None
    assert (constants(found)["host"], constants(found)["overhead"]) == (1.0, 0.75)


def test_without_a_framework_a_step_has_neither_host_nor_overhead():
    names = [phase.name for phase in model(*tables()).phases]
    assert "host" not in names
    assert "overhead" not in names


def test_what_spills_over_to_other_devices_is_what_spills_without_a_framework():
    terms = {"lookup_forward": Terms(per_table=1.0)}
    way = option("table_wise", "fused_uvm")
    before, after = model(*tables(), batch=BATCH).unit_costs(way), framed(**terms).unit_costs(way)
    assert after.spill_seconds == pytest.approx(before.spill_seconds)
    assert after.load_seconds.sum() - before.load_seconds.sum() == pytest.approx(1.0)


def test_gradients_that_are_summed_beside_the_backward_pass_hide_with_those_of_dense_layers():
    """HugeCTR's: a chain of its own, at least as long as the sums."""
    spec = {
        "batch": {"local": 512},
        "topology": {"name": "dgx-h100", "nodes": 2},
        "training": {"dense": {"layers": [{"mlp": [256, 1024, 1024]}], "dtype": "fp16"}},
        "tables": [{"name": "t", "rows": 1000, "dim": 64}],
    }
    plain = load_case(spec).cost_model
    training = spec["training"] | {"framework": "hugectr"}
    beside = load_case(spec | {"training": training}).cost_model
    (before,) = [phase for phase in plain.phases if phase.name == "all_reduce"]
    (after,) = [phase for phase in beside.phases if phase.name == "all_reduce"]
    assert before.hides_behind is None
    assert after.hides_behind is Cover.BACKWARD
    assert plain.dense.all_reduce_seconds > 0 == beside.dense.all_reduce_seconds
    assert after.constant_seconds == plain.dense.all_reduce_seconds
    assert before.constant_seconds == 0


def test_a_type_pays_what_is_said_of_it_besides():
    """Of whole tables nothing; of cut ones per group, per table and per byte of outputs."""
    own = UnitTerms(per_group=5.0, per_table=2.0, per_output_byte=3.0)
    terms = Terms(per_table=1.0, types={ShardingType.ROW_WISE: own})
    outputs = UNITS["per_output_byte"]
    assert added("update_backward", terms) == pytest.approx(1.0)
    assert added("update_backward", terms, "row_wise") == pytest.approx(1 + 2 + 3 * outputs)
    for sharding, seconds in (("row_wise", 5.0), ("table_wise", 0.0)):
        before = framed().charges(option(sharding)).total_seconds.sum()
        found = framed(update_backward=terms).charges(option(sharding)).total_seconds.sum()
        assert found - before == pytest.approx(seconds)


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_an_optimizer_pays_what_is_said_of_it_besides(optimizer):
    """Adagrad's per group, per id and per element of distinct rows; others pay for the rest."""
    own = UnitTerms(per_group=5.0, id_bytes=2 * SWEEP, unique_row_bytes=3 * SWEEP)
    terms = Terms(per_table=1.0, optimizers={Optimizer.ADAGRAD: own})
    training = Training(optimizer=optimizer)
    is_adagrad = optimizer is Optimizer.ADAGRAD
    shares = model(*tables(), batch=BATCH).shares(option("table_wise"))
    besides = 2 * BATCH * POOLING + 3 * shares.unique_rows[0] * DIM if is_adagrad else 0
    found = added("update_backward", terms, training=training)
    assert found == pytest.approx(1 + besides)
    before, after = (
        framed(training, **each).charges(option("table_wise")).total_seconds.sum()
        for each in ({}, {"update_backward": terms})
    )
    assert after - before == pytest.approx(5.0 if is_adagrad else 0.0)


def test_weights_count_where_gradients_are_dense():
    """All weights of a data-parallel table on every device; of others none."""
    rows = tables()[0].rows
    for phase in ("update_backward", "all_reduce"):
        found = added(phase, Terms(per_weight=2.0), "data_parallel")
        assert found == pytest.approx(2 * rows * DIM)
        assert added(phase, Terms(per_weight=2.0)) == 0


def test_outputs_of_a_devices_own_samples_are_paid_by_every_plan():
    """Of all tables and features, wherever they lie."""
    columns = 2 * DIM + 32
    plain, more = (constants(framed(output_comm=Terms(per_model_output=each))) for each in (0.0, 3))
    expected = 3 * BATCH / WORLD * columns
    assert more["output_comm"] - plain["output_comm"] == pytest.approx(expected)


OWN = {
    "per_own_feature": 2,
    "per_own_id": BATCH * POOLING / 4,
    "per_own_output": BATCH * 2 * DIM / 4,
}
"""What each of the four devices of a node does for its own samples of the table of two features."""


def own_seconds(sharding, cuts=1, nodes=1, **terms):
    """(load, spill) that terms of the outputs' exchange add to one unit of the first table."""
    found = []
    for each in ({}, terms):
        cost_model = framed(nodes=nodes, output_comm=Terms(per_step=1.0, **each))
        at = [phase.name for phase in cost_model.phases].index("output_comm")
        costs = cost_model.unit_costs(option(sharding, cuts=cuts))
        found.append(np.array([costs.load_seconds[0, at], costs.spill_seconds[0, at]]))
    return tuple(found[1] - found[0])


@pytest.mark.parametrize("term", OWN)
def test_each_device_pays_for_its_own_samples_wherever_the_table_lies(term):
    assert own_seconds("table_wise", **{term: 3.0}) == pytest.approx([3 * OWN[term]] * 2)
    assert own_seconds("row_wise", **{term: 3.0}) == pytest.approx([3 * OWN[term], 0.0])
    assert own_seconds("data_parallel", **{term: 3.0}) == (0.0, 0.0)


def test_column_shards_share_outputs_but_each_gets_all_ids():
    halves = [OWN["per_own_output"] / 2] * 2
    assert own_seconds("column_wise", cuts=2, per_own_output=1.0) == pytest.approx(halves)
    all_of_them = [OWN["per_own_id"]] * 2
    assert own_seconds("column_wise", cuts=2, per_own_id=1.0) == pytest.approx(all_of_them)


def test_over_several_nodes_own_samples_count_as_if_all_tables_were_exchanged():
    terms = Terms(per_own_feature=2.0, per_own_id=3.0, per_own_output=5.0)
    plain, more = (constants(framed(output_comm=each)) for each in (Terms(), terms))
    samples = BATCH / WORLD
    expected = 2 * 3 + 3 * samples * (POOLING + 0.5) + 5 * samples * (2 * DIM + 32)
    assert more["output_comm"] - plain["output_comm"] == pytest.approx(expected)
    assert own_seconds("table_wise", nodes=2, per_own_output=1.0) == (0.0, 0.0)
