"""Modules of every kind under TorchRec: trained as unsharded, or refused by name."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from executor_plans import case_of, plan_of
from rank_crew import Crew

from shardplan.plan.decision import Decision
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed"),
]
NEAR = 1e-6
WHOLE, COLUMNS, ROWS, COPIES = (
    ShardingType.TABLE_WISE,
    ShardingType.COLUMN_WISE,
    ShardingType.ROW_WISE,
    ShardingType.DATA_PARALLEL,
)


@pytest.fixture(scope="module", params=[2, 4], ids=["2 ranks", "4 ranks"])
def crew(request):
    with Crew(request.param, 2) as crew:
        yield crew


@pytest.fixture(scope="module")
def pair():
    with Crew(2, 2) as crew:
        yield crew


def table(name, module, rows=41, dim=16, **more):
    return {"name": name, "module": module, "rows": rows, "dim": dim, "pooling": 1, **more}


def decision(index, kind, ranks):
    if kind is WHOLE:
        return Decision(index, kind, Kernel.FUSED, 1, (index % ranks,))
    if kind is COLUMNS:
        places = (ranks - 1, index % ranks)
        return Decision(index, kind, Kernel.FUSED, 2, places)
    return Decision(index, kind, Kernel.DENSE if kind is COPIES else Kernel.FUSED)


def plan_for(ranks, tables, kinds, modules, optimizer="sgd", **training):
    """A plan by hand: each table cut as ``kinds`` says."""
    case = case_of(tables, ranks, optimizer, modules=modules, **training)
    return plan_of(case, [decision(i, kind, ranks) for i, kind in enumerate(kinds)])


def sequences(ranks, kinds, optimizer="sgd", **facts):
    tables = [table(f"s{i}", "deep.ec", features=[f"s{i}", f"r{i}"], pooling=[1, 1])
              for i in range(len(kinds))]  # fmt: skip
    modules = {"deep.ec": {"kind": "sequence", **facts}}
    return plan_for(ranks, tables, kinds, modules, optimizer)


@pytest.mark.parametrize(
    ("kinds", "optimizer"),
    [
        ([WHOLE, WHOLE], "rowwise_adagrad"),
        ([ROWS, ROWS], "rowwise_adagrad"),
        ([COLUMNS, COLUMNS], "sgd"),
        ([WHOLE, COLUMNS, ROWS], "sgd"),
    ],
    ids=["whole", "rows", "columns", "mixed"],
)
def test_sequences_train_as_unsharded(crew, kinds, optimizer):
    """Each table with two features, whose order changes from step to step."""
    plan = sequences(crew.ranks, kinds, optimizer)
    for found in crew.run("kind_jobs.train_beside_unsharded", plan, optimizer):
        assert max(found) < NEAR


def test_ranks_without_a_row_of_a_table_look_up_those_of_another(crew):
    """Of three rows four ranks have one each, but for the last."""
    tables = [table("few", "ebc", 3), table("many", "ebc"), table("one", "ec", 1), table("x", "ec")]
    plan = plan_for(crew.ranks, tables, [ROWS] * 4, {"ec": {"kind": "sequence"}}, "rowwise_adagrad")
    for found in crew.run("kind_jobs.train_beside_unsharded", plan, "rowwise_adagrad"):
        assert max(found) < NEAR


@pytest.mark.parametrize("beside", ["none", "another format", "whole"])
def test_ranks_without_any_row_that_a_kernel_looks_up_are_refused(pair, beside):
    tables = [table("few", "ebc", 1), table("b", "ebc", dtype="fp16")]
    if beside != "another format":
        tables[1] = table("b", "ebc" if beside == "whole" else "other")
    plan = plan_for(2, tables, [ROWS, WHOLE if beside == "whole" else ROWS], {})
    for found in pair.run("kind_jobs.refusals", plan):
        assert "plan.ebc.few: 1 rows in blocks of 1 leave 1 of 2 devices without a row" in found


@pytest.mark.parametrize("optimizer", ["sgd", "rowwise_adagrad"])
@pytest.mark.parametrize("kind", [WHOLE, COLUMNS, ROWS, COPIES], ids=lambda kind: kind.name)
def test_feature_processed_tables_train_as_unsharded(crew, kind, optimizer):
    """And so do the weights of positions, though they are no table."""
    if kind is COLUMNS and optimizer != "sgd":
        pytest.skip("TorchRec keeps a sum of squares for each column shard")
    tables = [table("a", "fpebc"), table("b", "fpebc"), table("c", "ebc")]
    modules = {"fpebc": {"kind": "feature_processed"}}
    plan = plan_for(crew.ranks, tables, [kind, kind, ROWS], modules, optimizer)
    for found in crew.run("kind_jobs.train_beside_unsharded", plan, optimizer):
        assert max(found) < NEAR


def test_kinds_beside_each_other_train_as_unsharded_on_one_batch(crew):
    """A mean beside a sum, a feature that modules of three kinds read, and types in turn."""
    tables = [
        table("a", "ebc", features=["f"]),
        table("mean", "ebc", features=["m"]),
        table("b", "fpebc", features=["f"]),
        table("c", "ec", features=["f"]),
        table("d", "ec", features=["f", "g"], pooling=[1, 1]),
    ]
    modules = {"fpebc": {"kind": "feature_processed"}, "ec": {"kind": "sequence"}}
    plan = plan_for(crew.ranks, tables, [WHOLE, ROWS, ROWS, WHOLE, ROWS], modules)
    for found in crew.run("kind_jobs.train_beside_unsharded", plan, "sgd", ["ebc/mean"]):
        assert max(found) < NEAR


NARROW = {
    "bag": [WHOLE, COLUMNS, ROWS, COPIES],
    "sequence": [WHOLE, COLUMNS, ROWS],
    "feature_processed": [WHOLE, COLUMNS, ROWS, COPIES],
}


@pytest.mark.parametrize("kind", NARROW)
def test_outputs_in_half_precision_come_from_tables_that_train_as_unsharded(crew, kind):
    """Also where a rank has no part of a module, and whatever the format on the wire."""
    for number, cut in enumerate(NARROW[kind]):
        tables = [table("a", "m"), table("b", "m", 50, features=["f", "g"], pooling=[1, 1])]
        modules = {"m": {"kind": kind, "output_dtype": "fp16"}}
        kinds = [cut, cut, WHOLE]
        comm = {"forward": "fp16", "backward": "fp16"} if number % 2 else {}
        tables.append(table("c", "plain" if not comm else "m", rows=30))
        plan = plan_for(crew.ranks, tables, kinds, modules, comm_dtype=comm)
        for found in crew.run("kind_jobs.train_beside_unsharded", plan, "sgd"):
            assert max(found) < NEAR


@pytest.mark.parametrize(
    ("kinds", "facts", "wanted"),
    [
        ([COPIES], {}, "plan.deep.ec.s0: data_parallel: on CPU TorchRec's dense kernel pools"),
        ([ROWS], {"dedup": True}, "modules.deep.ec: dedup: FBGEMM makes ids distinct on GPUs"),
        (
            [ROWS],
            {"output_dtype": "bf16"},
            "modules.deep.ec: output_dtype bf16: FBGEMM's CPU",
        ),
        (
            [ShardingType.TABLE_ROW_WISE],
            {},
            "plan.deep.ec.s0: is table_row_wise: tables of a module of the kind sequence are",
        ),
    ],
    ids=["data-parallel", "dedup", "output format", "type"],
)
def test_what_torchrec_has_not_for_sequences_is_refused(pair, kinds, facts, wanted):
    plan = sequences(2, [WHOLE], **facts)
    if kinds != [WHOLE]:
        tables = [table("s0", "deep.ec")]
        places = (0,) if kinds == [ShardingType.TABLE_ROW_WISE] else ()
        kernel = Kernel.DENSE if kinds == [COPIES] else Kernel.FUSED
        case = case_of(tables, 2, modules={"deep.ec": {"kind": "sequence", **facts}})
        plan = plan_of(case, [Decision(0, kinds[0], kernel, 1, places)])
    for found in pair.run("kind_jobs.refusals", plan):
        assert any(each.startswith(wanted) for each in found), found


def test_a_module_of_another_kind_than_planned_is_refused(pair):
    plan = sequences(2, [ROWS])
    other = plan_for(2, [table("s0", "deep.ec", features=["s0", "r0"], pooling=[1, 1])], [ROWS], {})
    for found in pair.run("kind_jobs.refusals_of", plan, other):
        assert "plan.deep.ec: is planned as sequence; the model has EmbeddingBagCollection" in found


@pytest.mark.parametrize("output_dtype", ["fp32", "fp16"])
@pytest.mark.parametrize(
    ("pooled", "weighted"),
    [(True, False), (True, True), (False, False)],
    ids=["bags", "weighted bags", "sequences"],
)
def test_managed_collisions_train_as_unsharded_with_the_same_maps(
    crew, pooled, weighted, output_dtype
):
    """Rows that get an id begin anew on both sides; the features change their order."""
    plan = managed(crew.ranks, [ROWS, ROWS], pooled=pooled, output_dtype=output_dtype)
    for found in crew.run("managed_jobs.train_beside_unsharded", plan, weighted):
        outputs, weights, same, known = found
        assert outputs < NEAR
        assert weights < NEAR
        assert same
        assert known > 5


def test_what_torchrec_has_not_for_managed_collisions_is_refused(pair):
    (found, _) = pair.run("managed_jobs.refusals", managed(2, [WHOLE, ROWS]), False)
    assert found == [
        "plan.mc.a: is table_wise: tables of a module of the kind managed_collision are row_wise "
        "alone"
    ]
    adaptive = managed(2, [ROWS, ROWS], "rowwise_adagrad")
    (found, _) = pair.run("managed_jobs.refusals", adaptive, False)
    assert found == [
        "modules.mc: rowwise_adagrad: FBGEMM begins the state of a row anew on GPUs alone"
    ]
    hashed = managed(2, [ROWS, ROWS], id_map={"policy": "hash"})
    (found, _) = pair.run("managed_jobs.refusals", hashed, True)
    assert found == [
        f"mc.{name}: HashZchManagedCollisionModule: FBGEMM gives ids rows by it on GPUs alone"
        for name in "ab"
    ]


def test_a_map_of_ids_that_is_not_the_planned_one_is_refused(pair):
    """Its policy and how often it drops ids decide what memory it takes."""
    plan = managed(2, [ROWS, ROWS], id_map={"policy": "lru"})
    for found in pair.run("managed_jobs.refusals", plan, False):
        assert found == [
            "modules.mc.id_map.policy: lru; the model has lfu",
            "modules.mc.id_map.eviction_interval: 1; the model has 2",
        ]


def managed(ranks, kinds, optimizer="sgd", **facts):
    facts = {"id_map": {"eviction_interval": 2}} | facts
    tables = [table("a", "mc", 64), table("b", "mc", 48, features=["b", "d"], pooling=[1, 1])]
    modules = {"mc": {"kind": "managed_collision", **facts}}
    return plan_for(ranks, tables, kinds, modules, optimizer)


def test_kinds_beside_each_other_are_right_where_ids_are_sent_ahead(pair):
    """All of one batch, over whose weights feature processors write positions."""
    tables = [
        table("a", "m.ebc", features=["f"]),
        table("w", "m.fpebc", features=["f"]),
        table("s", "m.ec", features=["f", "g"], pooling=[1, 1]),
    ]
    modules = {"m.fpebc": {"kind": "feature_processed"}, "m.ec": {"kind": "sequence"}}
    plan = plan_for(2, tables, [WHOLE, ROWS, ROWS], modules)
    for worst in pair.run("kind_jobs.pipe_beside_unsharded", plan):
        assert worst < NEAR


def test_processors_whose_weights_nothing_gives_values_are_refused(pair):
    plan = plan_for(2, [table("a", "fp")], [WHOLE], {"fp": {"kind": "feature_processed"}})
    for found in pair.run("kind_jobs.refusals_of_processors", plan):
        assert found == [
            "fp._feature_processors.scale: FeatureProcessedEmbeddingBagCollection: no "
            "reset_parameters gives it values"
        ]
