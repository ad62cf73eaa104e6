"""Every rule, broken by an edit of the plan file."""

import json

import pytest

from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.plan.verify import verify


def findings(plan, case, change) -> list[str]:
    """What is found after ``change`` has edited the plan file's values in place."""
    value = json.loads(render(plan))
    change(value)
    return [str(finding) for finding in verify(parse_plan(json.dumps(value), "edited"), case)]


def entry(value, name):
    return value["plan"]["ab"[int(name[1:]) % 2]][name]


def shard(value, name, position=0):
    return entry(value, name)["shards"][position]


def _drop_table(value):
    del value["plan"]["a"]["t0"]


def _add_table(value):
    value["plan"]["a"]["stranger"] = value["plan"]["a"]["t0"]


def _grow_rows(value):
    value["tables"][0]["rows"] = 1200


def _drop_facts(value):
    value["tables"].pop()


def _leave_rows_out(value):
    shard(value, "t3", 1)["shard_sizes"] = [250, 64]


def _overlap(value):
    shard(value, "t2", 1)["shard_offsets"] = [0, 12]


def _reach_out(value):
    shard(value, "t0")["shard_sizes"] = [1001, 64]


def _swap_row_shards(value):
    ranks = entry(value, "t3")["ranks"]
    ranks[0], ranks[1] = ranks[1], ranks[0]
    shard(value, "t3", 0)["placement"] = "rank:1/cuda:1"
    shard(value, "t3", 1)["placement"] = "rank:0/cuda:0"


def _uneven_rows(value):
    shard(value, "t4", 0)["shard_sizes"] = [600, 64]
    shard(value, "t4", 1)["shard_sizes"] = [404, 64]
    shard(value, "t4", 1)["shard_offsets"] = [600, 0]


def _uneven_columns(value):
    shard(value, "t2", 0)["shard_sizes"] = [1002, 18]
    shard(value, "t2", 1)["shard_offsets"] = [0, 18]
    shard(value, "t2", 1)["shard_sizes"] = [1002, 14]


def _over_two_nodes(value):
    entry(value, "t4")["ranks"] = [2, 1]
    shard(value, "t4", 1)["placement"] = "rank:1/cuda:1"


def _too_few_shards(value):
    entry(value, "t4")["shards"].pop()
    entry(value, "t4")["ranks"].pop()


def _cut_table_wise(value):
    entry(value, "t2")["sharding_type"] = "table_wise"


def _no_shards(value):
    entry(value, "t0")["shards"] = []


def _unknown_rank(value):
    entry(value, "t0")["ranks"] = [4]
    shard(value, "t0")["placement"] = "rank:4/cuda:0"


def _wrong_local_device(value):
    shard(value, "t0")["placement"] = "rank:3/cuda:0"


def _strange_placement(value):
    shard(value, "t0")["placement"] = "rank:3/cpu"


def _ranks_disagree(value):
    entry(value, "t0")["ranks"] = [2]


def _data_parallel_on_some(value):
    entry(value, "t1")["ranks"] = [0, 1]


def _data_parallel_with_shards(value):
    entry(value, "t1")["shards"] = entry(value, "t0")["shards"]
    entry(value, "t1")["ranks"] = [3]


def _fused_data_parallel(value):
    entry(value, "t1")["compute_kernel"] = "fused"


def _dense_table_wise(value):
    entry(value, "t0")["compute_kernel"] = "dense"


def _no_load_factor(value):
    entry(value, "t0")["compute_kernel"] = "fused_uvm_caching"


def _whole_cache(value):
    entry(value, "t0")["compute_kernel"] = "fused_uvm_caching"
    entry(value, "t0")["cache"] = {"load_factor": 1.0}


def _needless_cache(value):
    entry(value, "t0")["cache"] = {"load_factor": 0.5}


def _cache_in_ddr(value):
    entry(value, "t0")["compute_kernel"] = "fused_uvm_caching"
    entry(value, "t0")["cache"] = {"load_factor": 0.5, "ddr_load_factor": 0.2}


def _two_whole_caches(value):
    entry(value, "t0")["compute_kernel"] = "key_value"
    entry(value, "t0")["cache"] = {"load_factor": 0.5, "ddr_load_factor": 0.5}


def _key_value_twice(value):
    entry(value, "t2")["compute_kernel"] = "key_value"
    entry(value, "t2")["cache"] = {"load_factor": 0.5}


def _small_shard(value):
    shard(value, "t0")["memory_bytes"]["hbm"] = 255000


def _faster_step(value):
    value["prediction"]["step_seconds"] *= 0.99


def _faster_phase(value):
    value["prediction"]["phases"]["wire"] *= 1 - 1e-5


def _idle_rank(value):
    value["prediction"]["ranks"][2]["phases"]["lookup"] = 0


def _light_rank(value):
    value["prediction"]["ranks"][2]["memory_bytes"]["hbm"] = 12


def _drop_rank(value):
    value["prediction"]["ranks"].pop()


def _other_world(value):
    value["world_size"] = 8


def _smaller_gap(value):
    value["optimality"]["gap"] = 0.05


def _claim_optimal(value):
    value["optimality"]["status"] = "optimal"


def _bound_above(value):
    value["optimality"]["lower_bound_seconds"] = value["optimality"]["objective_seconds"] * 2


def _better_objective(value):
    value["optimality"]["objective_seconds"] *= 0.95


def _other_objective(value):
    value["optimality"]["objective"] = "balance"


def _stale_spec(value):
    value["inputs"]["spec_sha256"] = "0" * 64
    value["resolved"]["tables"][0]["rows"] = 900


def _stale_topology(value):
    value["inputs"]["topology"]["sha256"] = "0" * 64


def _other_name(value):
    value["name"] = "other"


def _other_topology_name(value):
    value["inputs"]["topology"]["name"] = "other"


def _other_cost_model_name(value):
    value["inputs"]["cost_model"]["name"] = "other"


def _no_reserve(value):
    value["prediction"]["reserve_bytes"]["hbm"] = 0


def _shard_a_byte_larger(value):
    shard(value, "t0")["memory_bytes"]["hbm"] += 1


def _rank_a_byte_lighter(value):
    value["prediction"]["ranks"][2]["memory_bytes"]["hbm"] -= 1


def _magic_bound(value):
    value["optimality"]["bound"] = "magic"


def _unnamed_bound(value):
    value["optimality"]["bound"] = "none"


def _no_bound(value):
    value["optimality"] |= {"lower_bound_seconds": 0.0, "gap": None}


def _within_gap_by_the_clock(value):
    value["optimality"]["termination"] = "time_limit"


def _feasible_by_gap(value):
    value["optimality"]["status"] = "feasible"


def _named_bound_of_nothing(value):
    value["optimality"] |= {"lower_bound_seconds": 0.0, "gap": None, "status": "feasible"}


def _other_optimizer(value):
    value["training"]["optimizer"] = "adam"


def _other_wire(value):
    value["training"]["comm_dtype"]["backward"] = "bf16"


def _other_access(value):
    value["tables"][2]["access"] = {"zipf": 1.05}


def _turned_tables(value):
    value["tables"].reverse()


def _dense_phase_of_nothing(value):
    value["prediction"]["dense_phases"] = {"dense_forward": 0.5}


def _moves_over_budget(value):
    value["moves"] = {"from_sha256": "0" * 64, "budget_bytes": 10, "moved_bytes": 11}


MUTATIONS = {
    _moves_over_budget: "optimality: moves.moved_bytes: is 11; at most 10 were to move",
    _turned_tables: "tables: tables: are not in the spec's order",
    _dense_phase_of_nothing: "prediction: prediction.dense_phases.dense_forward: "
    "is 0.5 s; recomputed 0 s",
    _other_optimizer: "training: training.optimizer: is 'adam'; by the spec it is "
    "'rowwise_adagrad'",
    _other_wire: "training: training.comm_dtype.backward: is 'bf16'; by the spec it is 'fp32'",
    _other_access: "tables: tables[2].access: 't2' has {'zipf': 1.05}; in the spec it is uniform",
    _other_name: "stale: name: was 'other', is 'plain'",
    _other_topology_name: "stale: inputs.topology.name: was 'other', is 'box'",
    _other_cost_model_name: "stale: inputs.cost_model.name: was 'other', is 'plain'",
    _no_reserve: "prediction: prediction.reserve_bytes.hbm: is 0; the spec keeps 10000000 free",
    _shard_a_byte_larger: "shard_memory: plan.a.t0.shards[0].memory_bytes.hbm: "
    "is 256001; 1000 x 64 take 256000",
    _rank_a_byte_lighter: "prediction: prediction.ranks[2].memory_bytes.hbm: "
    "is 578919; recomputed 578920",
    _magic_bound: "optimality: optimality.bound: is 'magic'; "
    "known are relaxation, option choice, filling units, patterns, integer program, none",
    _unnamed_bound: "optimality: optimality.bound: is none with a lower bound of 27.1967273 s",
    _no_bound: "optimality: optimality.status: is within_gap without a bound to have a gap to",
    _within_gap_by_the_clock: "optimality: optimality.status: "
    "is within_gap, but the search ended by time_limit",
    _feasible_by_gap: "optimality: optimality.status: "
    "is feasible, but the search ended by reaching its gap",
    _named_bound_of_nothing: "optimality: optimality.bound: "
    "is relaxation with a lower bound of 0 s, which is none",
    _drop_table: "table_missing: plan.a: table 't0' is not planned",
    _add_table: "table_unknown: plan.a.stranger: the spec has no such table",
    _grow_rows: "tables: tables[0].rows: 't0' has 1200; in the spec it is 1000",
    _drop_facts: "tables: tables: table 't6' is not listed",
    _leave_rows_out: "coverage: plan.b.t3: rows 501..502 of columns 0..64 are in no shard",
    _overlap: "coverage: plan.a.t2: shards 0 and 1 overlap from row 0, column 12",
    _reach_out: "coverage: plan.a.t0: shard 0 reaches to row 1001, column 64 "
    "of a table of 1000 x 64",
    _swap_row_shards: "geometry: plan.b.t3: shard 0 holds rows 0..251, columns 0..64 on rank 1; "
    "row_wise puts there rows 0..251, columns 0..64 on rank 0",
    _uneven_rows: "geometry: plan.a.t4: shard 0 holds rows 0..600, columns 0..64 on rank 2; "
    "table_row_wise puts there rows 0..502, columns 0..64 on rank 2",
    _uneven_columns: "runtime: plan.a.t2: a shard of 18 columns is not a multiple of 4 wide",
    _over_two_nodes: "geometry: plan.a.t4: shard 1 holds rows 502..1004, columns 0..64 on rank 1; "
    "table_row_wise puts there rows 502..1004, columns 0..64 on rank 3",
    _too_few_shards: "geometry: plan.a.t4: has 1 shards; table_row_wise makes 2",
    _cut_table_wise: "geometry: plan.a.t2: has 4 shards; table_wise makes 1",
    _no_shards: "geometry: plan.a.t0: has no shards",
    _unknown_rank: "ranks: plan.a.t0.ranks: rank 4 is not one of 0..3",
    _wrong_local_device: "ranks: plan.a.t0.shards[0].placement: "
    "rank 3 is device 1 of its node, not 0",
    _strange_placement: "ranks: plan.a.t0.shards[0].placement: "
    "'rank:3/cpu' is not of the form rank:R/cuda:L",
    _ranks_disagree: "ranks: plan.a.t0.ranks: are [2]; the shards are placed on [3]",
    _data_parallel_on_some: "geometry: plan.b.t1: is data_parallel, whose ranks are 0..3 in order",
    _data_parallel_with_shards: "geometry: plan.b.t1: is data_parallel, which has no shards, "
    "but lists 1",
    _fused_data_parallel: "runtime: plan.b.t1: data_parallel with kernel fused: "
    "data_parallel runs with dense, and nothing else does",
    _dense_table_wise: "runtime: plan.a.t0: table_wise with kernel dense: "
    "data_parallel runs with dense, and nothing else does",
    _no_load_factor: "runtime: plan.a.t0: kernel fused_uvm_caching needs a cache.load_factor "
    "between 0 and 1, has no cache",
    _whole_cache: "runtime: plan.a.t0: kernel fused_uvm_caching needs a cache.load_factor "
    "between 0 and 1, has 1.0",
    _cache_in_ddr: "runtime: plan.a.t0: kernel fused_uvm_caching has no cache in DDR, "
    "but a cache.ddr_load_factor of 0.2",
    _two_whole_caches: "runtime: plan.a.t0: its two caches hold 0.5 + 0.5 of the rows, all or more",
    _needless_cache: "runtime: plan.a.t0: kernel fused has no cache",
    _key_value_twice: "runtime: plan.a.t2: kernel key_value cannot hold two shards of a table "
    "on one rank",
    _small_shard: "shard_memory: plan.a.t0.shards[0].memory_bytes.hbm: "
    "is 255000; 1000 x 64 take 256000",
    _faster_step: "prediction: prediction.step_seconds: is 29.617236 s; recomputed 29.9164 s",
    _faster_phase: "prediction: prediction.phases.wire: is 2.56637434 s; recomputed 2.5664 s",
    _idle_rank: "prediction: prediction.ranks[2].phases.lookup: is 0.0 s; recomputed 21.05 s",
    _light_rank: "prediction: prediction.ranks[2].memory_bytes.hbm: is 12; recomputed 578920",
    _drop_rank: "world_size: prediction.ranks: must list the ranks 0..3 in order, lists 3",
    _other_world: "world_size: world_size: is 8; the topology has 4",
    _smaller_gap: "optimality: optimality.gap: is 0.05; objective and bound give 0.0999999989",
    _claim_optimal: "optimality: optimality.status: is optimal with a gap of 0.0999999989",
    _bound_above: "optimality: optimality.lower_bound_seconds: "
    "is 59.8328 s, above the 29.9164 s that the plan reaches",
    _better_objective: "optimality: optimality.objective_seconds: "
    "is 28.42058 s; predicted 29.9164 s",
    _other_objective: "optimality: optimality.objective: is balance; the spec asks for step_time",
    _stale_spec: "stale: tables.t0.rows: was 900, is 1000",
    _stale_topology: "stale: inputs.topology: was 000000000000, is 3b515b74b84e",
}


@pytest.mark.parametrize("change", MUTATIONS, ids=lambda change: change.__name__.strip("_"))
def test_finds_every_rule_that_a_hand_edit_breaks(plan, case, change):
    assert MUTATIONS[change] in findings(plan, case, change)
