"""Small specs from the field: what the rules of kernels and row blocks make of them."""

from pathlib import Path

import numpy as np
import pytest

from shardplan.build_case import build_case
from shardplan.cli.failure import words_of
from shardplan.errors import Infeasible
from shardplan.explain.numbers.explain import explain
from shardplan.explain.numbers.study import Study
from shardplan.plan.decision import Decision
from shardplan.plan.predict import predict
from shardplan.plan.verify import verify
from shardplan.planning.formulate import formulate
from shardplan.planning.planner import make_plan
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import load_spec
from shardplan.workload.optimizers.optimizer import Optimizer

CASES = Path(__file__).parent / "data" / "cases"


def case_of(name):
    return build_case(load_spec(str(CASES / f"{name}.yaml")))


def plan_of(case):
    return make_plan(case, Settings(time_limit_seconds=30, effort=1.0), Reporter())


def cut_by_columns():
    """The table that is too wide, without what keeps it whole."""
    case = case_of("05-dim-over-2048-whole")
    training = case.spec.training.model_copy(update={"optimizer": Optimizer.SGD})
    return case.with_(constraints=(), training=training)


def refusal(name):
    with pytest.raises(Infeasible) as caught:
        formulate(case_of(name))
    (short,) = caught.value.shortfalls
    return short, words_of(caught.value)


def test_rows_that_are_fewer_than_the_ranks_need_are_counted():
    short, words = refusal("03-prime-rows")
    assert short.subject == "table nine"
    assert short.reasons == (
        "row_wise over 8 ranks would leave 3 ranks without a row (9 rows, 2 to a rank)",
        "data_parallel, table_wise, column_wise, table_row_wise, table_column_wise or grid_shard: "
        "constraints[0] (line 9) allows row_wise alone",
    )
    assert [line.strip(" -") for line in words[2:4]] == list(short.reasons)
    assert "without constraints[0] (line 9), nine could be data_parallel" in short.remedy


def test_constraints_that_exclude_each_other_are_both_named():
    short, _ = refusal("31-keep-off-a-rank")
    assert short.subject == "table u"
    assert short.reasons[0] == "row_wise takes all 8 ranks; constraints[0] (line 10) allows 4-7"
    assert short.reasons[1].endswith("constraints[1] (line 11) allows row_wise alone")
    assert "without constraints[0] (line 10), u could be row_wise" in short.remedy
    assert "without constraints[1] (line 11), u could be table_wise or column_wise" in short.remedy


def test_a_table_that_is_too_wide_is_refused_with_the_limit():
    short, _ = refusal("05-dim-over-2048-whole")
    assert short.subject == "table d4096"
    assert short.reasons[0] == (
        "table_wise: a shard of 4,096 columns is too wide: FBGEMM's GPU kernels take at most 2,048"
    )


def test_a_table_that_is_too_wide_is_cut_where_it_may_be():
    case = cut_by_columns()
    plan = plan_of(case)
    shards = plan.plan["sparse.ebc"]["d4096"].shards
    assert max(shard.shard_sizes[1] for shard in shards) <= 2048
    assert verify(plan) == ()


def test_a_plan_with_a_shard_that_is_too_wide_is_found():
    case = cut_by_columns()
    plan = plan_of(case)
    whole = plan.plan["sparse.ebc"]["d4096"].shards[0]
    wide = whole.model_copy(update={"shard_offsets": (0, 0), "shard_sizes": (10_000, 4096)})
    entry = plan.plan["sparse.ebc"]["d4096"].model_copy(
        update={
            "sharding_type": ShardingType.TABLE_WISE,
            "shards": (wide,),
            "ranks": plan.plan["sparse.ebc"]["d4096"].ranks[:1],
        }
    )
    edited = plan.model_copy(
        update={"plan": {"sparse.ebc": {**plan.plan["sparse.ebc"], "d4096": entry}}}
    )
    assert any("4,096 columns is too wide" in found.message for found in verify(edited))


def test_key_value_caches_count_in_torchrecs_cost_model():
    """A 512th of the weights at least, in HBM."""
    case = case_of("a6-key-value-cache")
    plan = plan_of(case)
    (shard,) = plan.plan["sparse.ebc"]["t13"].shards
    cache = plan.plan["sparse.ebc"]["t13"].cache
    weights = 114_878_770 * 1024 * 4
    assert shard.memory_bytes.hbm == int(np.ceil(cache.load_factor * weights))
    assert shard.memory_bytes.ddr == int(np.ceil(cache.ddr_load_factor * weights))
    assert plan.prediction.ranks[0].memory_bytes.hbm >= shard.memory_bytes.hbm


def test_ranks_of_tables_sorted_by_frequency_have_each_their_own_load():
    """The lookups by hand: the weights of each eighth of the rows."""
    plan = plan_of(case_of("32-frequency-sorted-ids"))
    assert verify(plan) == ()
    weights = np.arange(1, 1_000_001) ** -1.05
    share = weights.reshape(8, -1).sum(axis=1) / weights.sum()
    ids = np.array([rank.phases["ids_comm"] for rank in plan.prediction.ranks])
    grown = np.diff(ids) / np.diff(share)
    assert grown == pytest.approx(grown[0], rel=0.03)
    update = [rank.phases["update_backward"] for rank in plan.prediction.ranks]
    held = [rank.memory_bytes.hbm for rank in plan.prediction.ranks]
    assert update == sorted(update, reverse=True)
    assert held == sorted(held, reverse=True)
    assert update[0] > 5 * update[1]
    assert plan.prediction.step_seconds == plan.optimality.objective_seconds
    explanation = explain(Study.of(plan, "plan.json"))
    assert explanation.limits[0].startswith(
        "update_backward: the first row shard of t, which has its hottest rows, takes 97"
    )


def test_the_last_row_shard_takes_the_memory_of_its_rows():
    """4,091 rows on 8 ranks: 512 each, 507 on the last."""
    case = case_of("03-prime-rows").with_(constraints=())
    cut = Decision(0, ShardingType.ROW_WISE, Kernel.FUSED)
    whole = Decision(1, ShardingType.DATA_PARALLEL, Kernel.DENSE)
    prediction = predict(case, (cut, whole))
    held = prediction.rank_memory_bytes[:, 0]
    assert (held[:7] == held[0]).all()
    assert held[0] - held[7] == 5 * (8 * 4 + 4)
    assert (prediction.rank_seconds == prediction.rank_seconds[0]).all()


def test_tables_are_placed_around_the_busiest_row_shard(tmp_path):
    """What lies on the rank with the hottest rows prolongs the step; the others have time."""
    tables = "\n".join(f"  - {{name: w{n}, rows: 200_000, pooling: 20}}" for n in range(6))
    text = (CASES / "32-frequency-sorted-ids.yaml").read_text(encoding="utf-8")
    text = text.replace("constraints: [", f"{tables}\nconstraints: [").replace('"*"', "t")
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        text.replace(
            "sharding: row_wise}", 'sharding: row_wise}, {tables: "w*", sharding: table_wise}'
        ),
        encoding="utf-8",
    )
    plan = plan_of(build_case(load_spec(str(spec))))
    assert verify(plan) == ()
    assert all(0 not in plan.plan["sparse.ebc"][f"w{n}"].ranks for n in range(6))
    slowest = max(rank.phases["update_backward"] for rank in plan.prediction.ranks)
    assert plan.prediction.phases["update_backward"] == slowest
    assert plan.optimality.lower_bound_seconds <= plan.optimality.objective_seconds
