"""Plans of devices in groups that each hold all tables: two-dimensional sparse parallelism."""

from __future__ import annotations

import json
from math import isclose

import numpy as np
import pytest

from shardplan import Settings, explain, load, plan, verify
from shardplan.errors import InputError, PlanRefused
from shardplan.executor.planned.plan_view import view_plan
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.planning.cases.groupings import in_groups_near
from shardplan.solve.reporter import Reporter
from shardplan.topology.collective import Collective, Scope
from shardplan.whatif.move_little import move_little
from shardplan.whatif.replan import replan

_HOURS = 1e5
_QUICK = Settings(node_limit=20, effort=0.02, time_limit_seconds=_HOURS)
"""The clock decides nothing, however loaded the machine is."""
_TABLES = [
    {"name": f"t{n}", "rows": 100_000 * (1 + n % 7), "dim": 64 * (1 + n % 2), "pooling": 1 + n % 9}
    for n in range(40)
]


def spec(groups=None, every=1, nodes=4, tables=_TABLES, optimizer="rowwise_adagrad", **more):
    """On nodes of eight H100."""
    value = {
        "batch": {"local": 512},
        "topology": {"name": "dgx-h100", "nodes": nodes},
        "training": {"optimizer": optimizer},
        "tables": tables,
    }
    if groups is not None:
        value["training"]["replicas"] = {"groups": groups, "sync_every": every, **more}
    return value


def sync_seconds(case):
    """(O,): of each table as a whole on one device, in each step."""
    from shardplan.options.option_set import OptionSet
    from shardplan.sharding.kernel import KERNELS, Kernel
    from shardplan.sharding.kind import SHARDING_TYPES, ShardingType

    count = len(case.workload.tables)
    options = OptionSet.uncached(
        np.arange(count, dtype=np.int32),
        SHARDING_TYPES.codes([ShardingType.TABLE_WISE] * count),
        KERNELS.codes([Kernel.FUSED] * count),
        np.ones(count, np.int32),
    )
    names = [phase.name for phase in case.cost_model.phases]
    return case.cost_model.unit_costs(options).load_seconds[:, names.index("replica_sync")]


@pytest.fixture(scope="module")
def grouped():
    return plan(load(spec(4, every=10)), _QUICK)


def test_the_plan_is_of_one_group_and_tells_of_all(grouped):
    assert (grouped.world_size, grouped.local_world_size) == (8, 2)
    facts = grouped.replicas
    assert (facts.groups, facts.world_size, facts.sync_every) == (4, 32, 10)
    assert verify(grouped) == ()
    assert parse_plan(render(grouped), "plan.json") == grouped
    assert explain(grouped).global_batch == 512 * 32


def test_one_group_is_what_there_was_without_any():
    one, plain = (plan(load(spec(groups)), _QUICK) for groups in (1, None))
    assert one.replicas is None
    assert one.prediction == plain.prediction
    assert one.plan == plain.plan


@pytest.mark.parametrize(
    ("optimizer", "of_weight", "of_row"),
    [("sgd", 1, 0), ("adam", 3, 0), ("rowwise_adagrad", 1, 1)],
)
def test_a_sync_sums_what_devices_hold_of_weights_and_state(optimizer, of_weight, of_row):
    """``2 (M - 1) / M`` times what they hold goes over the link of each, as in any ring."""
    case = load(spec(4, optimizer=optimizer))
    tables, found = case.workload.tables, sync_seconds(case)
    numbers = [t.rows * (t.dim * of_weight + of_row) for t in tables]
    assert np.allclose(found / found[0], np.array(numbers) / numbers[0], rtol=1e-12)
    weights = load(spec(4, optimizer=optimizer, sync_optimizer=False))
    held = np.array([t.rows * t.dim for t in tables]) / numbers
    assert np.allclose(sync_seconds(weights) / found, held, rtol=0.02)
    link = 450e9
    ring = 2 * 3 / 4 * 4 * np.array(numbers) / link
    assert (found > ring).all()
    assert (found < 2 * ring).all()


def test_it_is_paid_in_the_steps_that_it_is_done_in():
    each, tenth, half = (load(spec(4, **more)) for more in ({}, {"every": 10}, {"dtype": "bf16"}))
    assert np.allclose(sync_seconds(each), 10 * sync_seconds(tenth), rtol=1e-12)
    # A buffer half as large is a little slower for each byte.
    assert np.allclose(sync_seconds(each), 2 * sync_seconds(half), rtol=0.05)
    constants = [
        next(p.constant_seconds for p in case.cost_model.phases if p.name == "replica_sync")
        for case in (each, tenth)
    ]
    assert isclose(constants[0], 10 * constants[1])


def test_replicas_on_other_nodes_are_slower_to_average():
    """Eight neighbours are one node; sixteen span two; of contiguous groups all lie on others."""
    near, far, apart = (
        load(spec(groups, order=order)).topology.replicas.of_shard
        for groups, order in ((8, "strided"), (16, "strided"), (4, "contiguous"))
    )
    shape = [(t.nodes, t.devices_per_node) for t in (near, far, apart)]
    assert shape == [(1, 8), (2, 8), (4, 1)]
    seconds = [sync_seconds(load(spec(groups, order=order)))[0]
               for groups, order in ((4, "strided"), (4, "contiguous"))]  # fmt: skip
    assert seconds[1] > 3 * seconds[0]


def test_dense_layers_are_summed_over_all_devices():
    dense = {"layers": [{"mlp": [4096, 4096, 4096, 4096]}]}

    def all_reduce(groups):
        value = spec(groups)
        value["training"]["dense"] = dense
        case = load(value)
        return case.cost_model.dense, case.cost_model.base_memory_bytes[0]

    (alone, needs), (one_of_four, of_four) = all_reduce(None), all_reduce(4)
    assert alone == one_of_four
    assert alone.all_reduce_seconds > 0
    assert of_four - needs < 0.01 * needs


def test_a_node_is_shared_by_its_groups():
    """Each has as large a part of the reserve, too."""
    alone, grouped = (
        load(spec() | {"reserve": {"ddr": "100GiB"}}),
        load(spec(4) | {"reserve": {"ddr": "100GiB"}}),
    )
    assert np.allclose(grouped.capacity.raw_bytes[1], alone.capacity.raw_bytes[1] / 4)
    assert np.allclose(grouped.capacity.reserve_bytes[1], 25 * 2**30)
    assert grouped.capacity.raw_bytes[0] == alone.capacity.raw_bytes[0]


@pytest.mark.parametrize("local", [False, True])
def test_a_global_batch_is_shared_by_all_groups(local):
    batch = {"local": 512} if local else {"global": 512 * 32}
    case = load(spec(4) | {"batch": batch})
    assert (case.workload.global_batch, case.samples) == (512 * 8, 512 * 32)
    with pytest.raises(InputError, match="no whole number on each of 32 devices"):
        load(spec(4) | {"batch": {"global": 512 * 8 + 8}})


@pytest.mark.slow
@pytest.mark.parametrize(("smaller", "every", "is_one"), [(1, 1, True), (50, 100, False)])
def test_as_many_groups_are_taken_as_make_the_step_shortest(smaller, every, is_one):
    """Held against a plan of each number of groups: none is faster, and the bound holds for all."""
    tables = [dict(t, rows=t["rows"] // smaller, pooling=30) for t in _TABLES[:24]]
    case = load(spec("auto", every, nodes=2, tables=tables))
    chosen = plan(case, _QUICK)
    each = [plan(load(spec(g, every, 2, tables=tables)), _QUICK) for g in (1, 2, 4, 8, 16)]
    steps = [one.prediction.step_seconds for one in each]
    assert chosen.prediction.step_seconds <= min(steps) * 1.0001
    assert chosen.optimality.lower_bound_seconds <= min(steps)
    assert verify(chosen) == verify(chosen, case) == ()
    assert (chosen.replicas is None) == is_one


def test_what_a_plan_says_of_groups_is_checked(grouped):
    for change in ({"groups": 8}, {"world_size": 64}, {"order": "contiguous"}, {"sync_every": 9}):
        value = json.loads(render(grouped))
        value["replicas"] |= change
        findings = verify(parse_plan(json.dumps(value), "plan.json"))
        assert {one.code for one in findings} == {"replicas"}
    value["replicas"] |= {"groups": 10**9, "world_size": 8 * 10**9}
    huge = parse_plan(json.dumps(value), "plan.json")
    assert "replicas" in {one.code for one in verify(huge)}
    (fault,) = verify(huge, load(spec("auto", every=10)))
    assert "32 devices are not 1,000,000,000 groups" in fault.message
    without = json.loads(render(grouped))
    del without["replicas"]
    findings = verify(parse_plan(json.dumps(without), "plan.json"))
    assert "by the spec there are 4" in findings[0].message


@pytest.mark.parametrize("groups", [None, 2])
def test_a_plan_of_other_groups_is_held_against_the_spec_up_to_its_ranks(grouped, groups):
    findings = verify(grouped, load(spec(groups, every=10)))
    assert {one.code for one in findings} == {"stale", "world_size", "replicas"}
    assert len([one for one in findings if one.code != "stale"]) < 6


def test_what_groups_cannot_do_is_refused(grouped):
    with pytest.raises(InputError, match=r"replicas\.groups: 32 devices are not 5 groups"):
        load(spec(5))
    dynamic = [dict(_TABLES[0], dynamic={"mode": "hbm"})]
    with pytest.raises(InputError, match="t0 is dynamic: its replicas would hold rows of other"):
        load(spec(4, tables=dynamic))
    with pytest.raises(InputError, match="cost model torchrec has no figures of what keeps groups"):
        load(spec("auto") | {"cost_model": "torchrec"})
    with pytest.raises(PlanRefused, match="plan of each of 4 groups"):
        view_plan(grouped)
    with pytest.raises(InputError, match="there is no rank 8 among 8 devices"):
        load(spec(4) | {"constraints": [{"tables": "t0", "ranks": [8]}]})


def test_a_reader_is_told_whose_ranks_they_are(grouped):
    notes = " ".join(explain(grouped).notes)
    assert "each of 4 groups of 8 devices, 32 in all, dealt in turn" in notes
    assert "averaged every 10 steps" in notes
    assert "row-wise Adagrad steps farther" in notes


def test_the_whole_machine_reduces_as_it_does_alone():
    case = load(spec(4))
    whole = load(spec()).topology
    assert case.topology.whole.route(Collective.ALL_REDUCE, Scope.ALL) == whole.route(
        Collective.ALL_REDUCE, Scope.ALL
    )
    changed = case.with_(machine=case.machine.with_nodes(8))
    assert (changed.topology.world_size, changed.samples) == (16, 512 * 64)
    fewer = case.spec.training.replicas.model_copy(update={"groups": 2})
    training = case.spec.training.model_copy(update={"replicas": fewer})
    assert case.with_(training=training).topology.world_size == 16


MANAGED = [dict(_TABLES[0], module="mc")]


def managed(groups, **id_map):
    modules = {"mc": {"kind": "managed_collision", "id_map": id_map}}
    return load(spec(groups, tables=MANAGED) | {"modules": modules})


@pytest.mark.parametrize(
    ("id_map", "told"),
    [
        ({"policy": "lru"}, "mc maps ids by lru, which each group does for itself"),
        ({"policy": "hash"}, "mc maps ids by hash, which keeps nothing to merge maps by"),
        ({"policy": "hash_evicting", "runtime_meta_dim": 2}, "mc keeps numbers by runtime_meta"),
    ],
)
def test_groups_whose_maps_of_ids_torchrec_does_not_merge_are_refused(id_map, told):
    with pytest.raises(InputError, match=told):
        managed(4, **id_map)
    assert managed(1, **id_map).topology.groups == 1


def test_merging_maps_of_ids_takes_what_their_bytes_take():
    """Of 4 replicas, each row's id and time of 12 bytes go to one and come back, and a count."""
    rows, link = _TABLES[0]["rows"], 450e9
    merged = load(spec(4, tables=[_TABLES[0]]))
    found = sync_seconds(managed(4, policy="hash_evicting")) - sync_seconds(merged)
    least = rows * (3 * 12 + 12 + 4) / link
    assert least < found[0] < 4 * least
    starts = [
        next(p.constant_seconds for p in case.cost_model.phases if p.name == "replica_sync")
        for case in (managed(4, policy="hash_evicting"), merged)
    ]
    assert starts[0] > 3 * starts[1]


@pytest.mark.parametrize("budget_bytes", ["least", None])
def test_near_an_old_plan_devices_stay_in_its_groups_where_the_spec_leaves_them_open(budget_bytes):
    few, quick = _TABLES[:4], Settings(node_limit=5, effort=0.02, time_limit_seconds=5)
    then, now = load(spec(4, 10, 1, few)), load(spec("auto", 9, 1, few))
    old = plan(then, Settings("greedy"))
    if budget_bytes == "least":
        found = move_little(old, then, now, quick, Reporter())
    else:
        found = replan(old, then, now, budget_bytes, quick, Reporter())
    assert found.replicas.groups == 4
    assert verify(found, now) == ()


def test_on_a_machine_that_cannot_be_so_many_groups_they_are_the_nearest_number():
    few = _TABLES[:4]
    now = load(spec("auto", 10, 1, few))
    assert [in_groups_near(now, groups).topology.groups for groups in (1, 3, 7, 16)] == [1, 2, 8, 8]
    assert in_groups_near(load(spec(2, 10, 1, few)), 4).topology.groups == 2
