"""Features with batches of their own size under TorchRec, and optimizers that few have."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from executor_plans import case_of, plan_of, random_plan
from rank_crew import Crew

from shardplan.plan.decision import Decision
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed"),
]
WAYS = {
    ShardingType.TABLE_WISE: (Kernel.FUSED, 1, (1,)),
    ShardingType.ROW_WISE: (Kernel.FUSED, 1, ()),
    ShardingType.COLUMN_WISE: (Kernel.FUSED, 2, (0, 1)),
    ShardingType.TABLE_ROW_WISE: (Kernel.FUSED, 1, (0,)),
    ShardingType.DATA_PARALLEL: (Kernel.DENSE, 1, ()),
    ShardingType.GRID_SHARD: (Kernel.FUSED, 2, (0, 0)),
}


@pytest.fixture(scope="module")
def crew():
    with Crew(2, 2) as crew:
        yield crew


def own_batch_plan(kind: ShardingType, optimizer: str = "sgd", **first):
    """A table with requests for half of the samples, and one beside it with all."""
    tables = [
        {"name": "t0", "rows": 101, "dim": 32, "features": ["user", "item"], "pooling": 2} | first,
        {"name": "t1", "rows": 77, "dim": 16, "features": ["other"], "pooling": 2},
    ]
    case = case_of(tables, 2, optimizer, batch={"local": 64, "features": {"user": 0.5}})
    rest = Decision(1, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (0,))
    return plan_of(case, [Decision(0, kind, *WAYS[kind]), rest])


@pytest.mark.parametrize(
    "kind", [k for k in WAYS if k not in (ShardingType.DATA_PARALLEL, ShardingType.GRID_SHARD)]
)
def test_requests_train_as_all_their_samples_would(crew, kind):
    assert max(crew.run("train_own_batches", own_batch_plan(kind))) < 1e-6


def test_several_poolings_of_a_sample_train_as_samples_of_their_own(crew):
    """Three of one feature for each sample, and all features are expanded to as many."""
    plan = own_batch_plan(ShardingType.ROW_WISE, num_poolings=[1, 3])
    assert plan.tables[0].batch_shares == (0.5, 3)
    assert max(crew.run("train_own_batches", plan)) < 1e-6


@pytest.mark.parametrize(
    ("kind", "optimizer", "words"),
    [
        (ShardingType.DATA_PARALLEL, "sgd", "TorchRec has no such tables data_parallel"),
        (ShardingType.GRID_SHARD, "sgd", "TorchRec has no such tables grid_shard"),
        (ShardingType.TABLE_WISE, "adagrad", "FBGEMM does not train such with adagrad"),
    ],
)
def test_what_has_no_own_batches_is_refused_by_table(crew, kind, optimizer, words):
    plan = own_batch_plan(kind, optimizer)
    for found in crew.run("refusal", [plan, plan], plan):
        assert "plan.sparse.ebc.t0: its features have batches of their own size" in found
        assert words in found


@pytest.mark.parametrize(
    ("second", "is_refused"),
    [
        (Decision(1, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (0,)), True),
        (Decision(1, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (1,)), False),
        (Decision(1, ShardingType.ROW_WISE, Kernel.FUSED, 1, ()), False),
    ],
)
def test_one_kernel_of_a_rank_looks_up_own_batches_on_cpu(crew, second, is_refused):
    """Means and sums are looked up by two, and a rank that fails would leave the other waiting."""
    tables = [
        {"name": "t0", "rows": 101, "dim": 16, "features": ["user"], "pooling_type": "mean"},
        {"name": "t1", "rows": 77, "dim": 16, "features": ["other"]},
    ]
    tables = [{**table, "pooling": 2} for table in tables]
    case = case_of(tables, 2, "sgd", batch={"local": 64, "features": {"user": 0.5}})
    plan = plan_of(case, [Decision(0, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (0,)), second])
    if is_refused:
        for found in crew.run("refusal", [plan, plan], plan):
            assert "plan.sparse.ebc.t1: is looked up beside others of its module" in found
    else:
        job, means = "kind_jobs.train_beside_unsharded", ["sparse.ebc/t0"]
        for found in crew.run(job, plan, "sgd", means):
            assert max(found) < 1e-6


def test_column_shards_find_samples_beside_features_of_another_module(crew):
    """As many shards as the batch has features, of which the module reads one."""
    tables = [
        {"name": "t0", "module": module, "rows": 40, "dim": 8, "features": [name], "pooling": [1]}
        for module, name in (("m0", "f"), ("m1", "g"))
    ]
    modules = {"m0": {"kind": "bag"}, "m1": {"kind": "bag"}}
    batch = {"local": 64, "features": {"f": 0.5}}
    cut = Decision(0, ShardingType.COLUMN_WISE, Kernel.FUSED, 2, (0, 1))
    rest = Decision(1, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (0,))
    plan = plan_of(case_of(tables, 2, "sgd", modules=modules, batch=batch), [cut, rest])
    for found in crew.run("kind_jobs.train_beside_unsharded", plan, "sgd", []):
        assert max(found) < 1e-6


def test_row_wise_adagrad_with_ema_in_place_trains(crew):
    """Until its tenth step, in which halves of the columns move, it is row-wise Adagrad."""
    plan = random_plan(1, 2, "ema_in_place_rowwise_adagrad", only=ShardingType.ROW_WISE)
    found = crew.run("train_beside_unsharded", plan, "rowwise_adagrad")
    assert max(max(outputs, weights) for outputs, weights, _ in found) < 1e-6
