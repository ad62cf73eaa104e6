"""Plans train under TorchRec as the unsharded model does: outputs and weights after five steps."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from executor_plans import case_of, plan_of, random_plan, with_cache
from rank_crew import Crew

from shardplan.plan.decision import Decision
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed"),
]
OPTIMIZERS = ("sgd", "adagrad", "rowwise_adagrad")
"""Those that FBGEMM has on CPU."""
CUT_IN_COLUMNS = (
    ShardingType.COLUMN_WISE,
    ShardingType.TABLE_COLUMN_WISE,
    ShardingType.GRID_SHARD,
)
NEAR = 1e-6


@pytest.fixture(scope="module", params=[2, 4], ids=["2 ranks", "2 nodes of 2 ranks"])
def crew(request):
    with Crew(request.param, 2) as crew:
        yield crew


def is_exact(kind: ShardingType, optimizer: str) -> bool:
    return optimizer != "rowwise_adagrad" or kind not in CUT_IN_COLUMNS


def trained(crew: Crew, plan, optimizer: str, **options) -> tuple[float, float]:
    """The largest differences of any rank: of outputs, of weights."""
    found = crew.run("train_beside_unsharded", plan, optimizer, **options)
    return max(outputs for outputs, _, _ in found), max(weights for _, weights, _ in found)


@pytest.mark.parametrize(
    ("kind", "optimizer"),
    [(k, o) for k in SHARDING_TYPES for o in OPTIMIZERS if k.is_torchrecs and is_exact(k, o)],
)
def test_each_sharding_type_trains_as_unsharded(crew, kind, optimizer):
    plan = random_plan(1, crew.ranks, optimizer, only=kind)
    assert max(trained(crew, plan, optimizer)) < NEAR


@pytest.mark.parametrize("seed", range(12))
def test_a_mix_of_types_and_kernels_trains_as_unsharded(crew, seed):
    """Each of its own, under the optimizers in turn."""
    optimizer = OPTIMIZERS[seed % len(OPTIMIZERS)]
    plan = random_plan(seed, crew.ranks, optimizer, exact_updates=True)
    assert max(trained(crew, plan, optimizer)) < NEAR


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_again_gives_the_same_bits(crew, optimizer):
    plan = random_plan(1, crew.ranks, optimizer, exact_updates=True)
    first, again = (crew.run("train_beside_unsharded", plan, optimizer) for _ in range(2))
    assert [bits for _, _, bits in first] == [bits for _, _, bits in again]


def test_all_types_train_as_unsharded_on_8_ranks():
    """Four nodes of two; what row-wise Adagrad would train inexactly is left out."""
    kinds = {
        ShardingType.DATA_PARALLEL: (Kernel.DENSE, 1, ()),
        ShardingType.TABLE_WISE: (Kernel.FUSED, 1, (7,)),
        ShardingType.COLUMN_WISE: (Kernel.FUSED, 3, (6, 1, 6)),
        ShardingType.ROW_WISE: (Kernel.FUSED, 1, ()),
        ShardingType.TABLE_ROW_WISE: (Kernel.FUSED, 1, (2,)),
        ShardingType.TABLE_COLUMN_WISE: (Kernel.FUSED, 2, (3,)),
        ShardingType.GRID_SHARD: (Kernel.FUSED, 2, (0, 2)),
    }
    with Crew(8, 2) as crew:
        for optimizer in OPTIMIZERS:
            exact = {kind: how for kind, how in kinds.items() if is_exact(kind, optimizer)}
            tables = [
                {"name": f"t{i}", "rows": 100 + i, "dim": 48, "pooling": 2}
                for i in range(len(exact))
            ]
            decisions = [Decision(i, kind, *how) for i, (kind, how) in enumerate(exact.items())]
            plan = plan_of(case_of(tables, 8, optimizer), decisions)
            assert max(trained(crew, plan, optimizer)) < NEAR


@pytest.mark.parametrize("seed", range(4))
def test_means_of_some_tables_train_as_unsharded(crew, seed):
    """Every second table averages, beside sums, whatever the type of each."""
    optimizer = OPTIMIZERS[seed % len(OPTIMIZERS)]
    plan = random_plan(20 + seed, crew.ranks, optimizer, exact_updates=True)
    means = [table.name for table in plan.tables[seed % 2 :: 2]]
    assert max(trained(crew, plan, optimizer, means=means)) < NEAR


@pytest.mark.parametrize("kind", [k for k in SHARDING_TYPES if k.cuts_rows and k.is_torchrecs])
def test_means_of_tables_that_are_cut_by_rows_train_as_unsharded(crew, kind):
    plan = random_plan(1, crew.ranks, only=kind)
    means = [table.name for table in plan.tables[1:]]
    assert max(trained(crew, plan, "sgd", means=means)) < NEAR


def test_cached_tables_train_as_unsharded(crew):
    """On CPU the kernel runs without its cache, with the parameters of one."""
    plan = random_plan(2, crew.ranks, "adagrad", only=ShardingType.ROW_WISE)
    for name, share in (("t0", 0.25), ("t1", 0.5)):
        plan = with_cache(plan, name, Kernel.FUSED_UVM_CACHING, share)
    assert max(trained(crew, plan, "adagrad")) < NEAR


@pytest.mark.parametrize("kind", CUT_IN_COLUMNS)
def test_rowwise_adagrad_over_column_shards_is_inexact_where_allowed(crew, kind):
    plan = random_plan(1, crew.ranks, "rowwise_adagrad", only=kind)
    _, weights = trained(crew, plan, "rowwise_adagrad", allow_inexact=True)
    assert weights > 1e-3


def test_outputs_and_gradients_travel_as_the_plan_says(crew):
    """In fp16: off by its rounding, and no more."""
    wire = {"comm_dtype": {"forward": "fp16", "backward": "fp16"}}
    plan = random_plan(3, crew.ranks, only=ShardingType.COLUMN_WISE, **wire)
    outputs, _ = trained(crew, plan, "sgd")
    assert NEAR < outputs < 4e-3
