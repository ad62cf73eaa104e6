"""What TorchRec is told of a plan, and what is refused before it is told anything."""

from __future__ import annotations

from importlib.util import find_spec

import pytest
from executor_plans import case_of, plan_of, random_plan, with_cache
from rank_crew import Crew

from shardplan.plan.decision import Decision
from shardplan.plan.file.write import render
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.workload.training import CacheAlgorithm

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("torchrec") is None, reason="torchrec is not installed"),
]
FUSED, CACHING = Kernel.FUSED, Kernel.FUSED_UVM_CACHING


@pytest.fixture(scope="module")
def crew():
    with Crew(2, 2) as crew:
        yield crew


def table(name: str, rows: int = 100, dim: int = 16, **more):
    return {"name": name, "rows": rows, "dim": dim, "pooling": 1, **more}


def row_wise(*tables, **training):
    """A plan that cuts these tables by rows over two ranks."""
    decisions = [Decision(i, ShardingType.ROW_WISE, FUSED) for i in range(len(tables))]
    return plan_of(case_of(tables, 2, **training), decisions)


def test_every_table_is_told_as_the_plan_has_it(crew):
    plan = random_plan(5, 2)
    for device, suffix in (("cuda", "cuda:{}"), ("cpu", "cpu")):
        told = crew.run("translated", plan, device)[0]
        assert set(told) == {(m, name) for m, tables in plan.plan.items() for name in tables}
        for (module, name), found in told.items():
            entry = plan.plan[module][name]
            assert found["sharding_type"] == entry.sharding_type.name
            assert found["compute_kernel"] == entry.compute_kernel.name
            assert found["ranks"] == list(entry.ranks)
            assert found["cache_params"] is None
            shards = [
                (list(s.shard_offsets), list(s.shard_sizes), f"rank:{r}/{suffix.format(r % 2)}")
                for r, s in zip(entry.ranks, entry.shards, strict=False)
            ]
            assert found["sharding_spec"] == (shards or None)


def test_tables_with_caches_of_their_own_share_no_operator(crew):
    """Only tables of one load factor and one width do; TorchRec alone would average."""
    plan = row_wise(table("a"), table("b"), table("c", 300), table("d"), table("e", dim=32))
    for name, share in (("a", 0.1), ("b", 0.1), ("c", 0.5), ("e", 0.1)):
        plan = with_cache(plan, name, CACHING, share)
    apart = [(("a", "b"), 0.1), (("c",), 0.5), (("d",), None), (("e",), 0.1)]
    merged = [(("a", "b", "c", "e"), pytest.approx((0.1 * 300 + 0.5 * 300) / 600)), (("d",), None)]
    assert sorted(crew.run("operators_of", plan)[0]) == apart
    assert sorted(crew.run("operators_of", plan, as_planned=False)[0]) == merged


@pytest.mark.parametrize(
    ("algorithm", "most"), [(CacheAlgorithm.LRU, 2**31 - 1), (CacheAlgorithm.LFU, 2**29 - 64)]
)
def test_no_operator_caches_more_rows_than_are_counted(crew, algorithm, most):
    """Of each table a rank caches two fifths of that, so that two may share an operator."""
    rows = 2 * round(0.8 * most)
    plan = row_wise(*(table(name, rows, dim=4) for name in "abcde"))
    for name in "abcde":
        plan = with_cache(plan, name, CACHING, 0.5, algorithm=algorithm)
    told = crew.run("translated", plan, "cuda")[0]
    reserved = [told["sparse.ebc", name]["cache_params"]["reserved_memory"] for name in "abcde"]
    assert reserved == sorted(reserved)
    assert [reserved.count(each) for each in sorted(set(reserved))] == [2, 2, 1]


def test_key_value_tables_get_their_sizes_and_are_kept_apart(crew):
    """Half of 4 Mi rows of 16 columns per rank: a tenth is 12.8 MiB, another half 64 MiB."""
    plan = row_wise(table("a", 2**22), table("b", 2**22))
    for name in "ab":
        plan = with_cache(plan, name, Kernel.KEY_VALUE, 0.1, ddr_load_factor=0.5)
    told = crew.run("translated", plan, "cuda")[0]
    for found in told.values():
        assert found["key_value_params"]["max_l1_cache_size"] == 13
        assert found["key_value_params"]["l2_cache_size"] == 1
    reserved = [found["cache_params"]["reserved_memory"] for found in told.values()]
    assert len(set(reserved)) == 2
    assert all(0 < each < 1 for each in reserved), "no whole byte is reserved"


def test_a_cache_larger_than_torchrec_makes_any_is_warned_of(crew):
    """TorchRec's own sizes, in sets of 32 rows: the planned 7 MiB, and a fifth instead of 90%."""
    plan = row_wise(table("a", 2**22), table("b", 2**22))
    for name, share, warnings in (("a", 0.05, 0), ("b", 0.9, 1)):
        plan = with_cache(plan, name, Kernel.KEY_VALUE, share)
        assert len(crew.run("warned", plan)[0]) == warnings
    with Crew(1, 1) as alone:
        (sets,) = alone.run("sets_over_ssd", plan)
    assert sets == {"a": 7 * 2**20 // (16 * 4) // 32, "b": 2**21 // 5 // 32}


def test_a_cache_counts_reads_where_the_plan_says_so(crew):
    """And shares no operator with one that does not."""
    plan = row_wise(table("a"), table("b"))
    plan = with_cache(plan, "a", CACHING, 0.25)
    plan = with_cache(plan, "b", CACHING, 0.25, algorithm=CacheAlgorithm.LFU)
    told = crew.run("translated", plan, "cuda")[0]
    algorithms = {
        name: found["cache_params"]["algorithm"].name for (_, name), found in told.items()
    }
    assert algorithms == {"a": "LRU", "b": "LFU"}
    assert sorted(crew.run("operators_of", plan)[0]) == [(("a",), 0.25), (("b",), 0.25)]


def test_prefetching_into_a_cache_that_counts_reads_is_refused(crew):
    plan = row_wise(table("a"), pipeline="prefetch_sparse_dist")
    plan = with_cache(plan, "a", CACHING, 0.25, algorithm=CacheAlgorithm.LFU)
    text, _ = crew.run("refusal", [plan, plan], plan)
    assert "lfu: FBGEMM prefetches into lru alone" in text


def test_a_prefetching_pipeline_is_told_to_the_caches(crew):
    plan = with_cache(row_wise(table("a"), pipeline="prefetch_sparse_dist"), "a", CACHING, 0.5)
    (told,) = crew.run("translated", plan, "cuda")[0].values()
    assert told["cache_params"]["prefetch_pipeline"] is True


def test_a_rank_allocates_its_own_shards_alone():
    """256 MB of tables over two ranks, against the most memory that each ever had."""
    tables = [table(f"t{i}", 2**17, 128) for i in range(4)]
    column_wise = ShardingType.COLUMN_WISE
    decisions = [
        Decision(0, ShardingType.TABLE_WISE, FUSED, 1, (0,)),
        Decision(1, ShardingType.TABLE_WISE, FUSED, 1, (1,)),
        Decision(2, ShardingType.ROW_WISE, FUSED),
        Decision(3, column_wise, FUSED, 2, (0, 1)),
    ]
    plan = plan_of(case_of(tables, 2), decisions)
    own = sum(2**17 * 128 * 4 for _ in tables) // 2
    with Crew(2, 2) as crew:
        crew.run("growth_bytes", row_wise(table("small")))
        for growth in crew.run("growth_bytes", plan):
            assert own <= growth < 1.1 * own


def test_a_plan_for_another_model_is_refused_with_all_that_differs(crew):
    plan = row_wise(
        table("a"), table("b"), table("c"), table("gone"), table("d", module="other.ebc")
    )
    model = row_wise(
        table("a", 200),
        table("b", dim=32, dtype="fp16"),
        table("c", features=["f", "g"], pooling=[1, 1]),
        table("new"),
        table("d", module="another.ebc"),
    )
    first, second = crew.run("refusal", [plan, plan], model)
    assert first == second
    for wanted in (
        "plan.sparse.ebc.a.rows: 100; the model has 200",
        "plan.sparse.ebc.b.dim: 16; the model has 32",
        "plan.sparse.ebc.b.dtype: fp32; the model has fp16",
        "plan.sparse.ebc.c.features: c; the model has f, g",
        "plan.sparse.ebc.gone: the model's 'sparse.ebc' has no such table",
        "plan.sparse.ebc: lacks 'new', a table of the model's 'sparse.ebc'",
        "plan.other.ebc: the model has no collection of tables of this name",
        "another.ebc: EmbeddingBagCollection: the plan has none of its tables (d)",
    ):
        assert wanted in first
    assert first.count("error:") == 8
    assert first.count("hint:") == 8


def test_a_model_with_every_kind_of_sparse_module_is_refused_with_all_of_them(crew):
    plan = row_wise(table("a"))
    first, second = crew.run("refusal_of_every_kind", plan)
    assert first == second
    assert first == [
        "twin: EmbeddingBagCollection: the same module as sparse.ebc",
        "derived: OurBags: tables of another kind (d)",
        "fused: FusedEmbeddingBagCollection: tables of another kind (f)",
        "plain: EmbeddingBag: tables of another kind",
        "sequences: EmbeddingCollection: the plan has none of its tables (s)",
        "processed: FeatureProcessedEmbeddingBagCollection: the plan has none of its tables (p)",
        "unplanned: EmbeddingBagCollection: the plan has none of its tables (u)",
    ]


def test_layers_that_would_begin_with_anything_are_refused(crew):
    first, second = crew.run("refusal_of_layers", row_wise(table("a")))
    assert first == second
    why = "since it is on the meta device"
    assert first == [
        f"attention.in_proj_weight: MultiheadAttention: no reset_parameters gives it values, {why}",
        f"norm.running_mean: BatchNorm1d: the buffer would be all zeros, {why}",
        f"norm.running_var: BatchNorm1d: the buffer would be all zeros, {why}",
        f"norm.num_batches_tracked: BatchNorm1d: the buffer would be all zeros, {why}",
        f"one.weight: Linear: it is other.weight too, and would be trained apart, {why}",
        f"other.weight: Linear: it is one.weight too, and would be trained apart, {why}",
        "lazy.weight: LazyLinear: it has no shape yet",
    ]


@pytest.mark.parametrize(
    ("optimizer", "given", "wanted"),
    [
        ("sgd", {"weight_decay": 0.1}, ["weight_decay=0.1: FBGEMM's sgd has none"]),
        ("sgd", {"momentum": 0.9}, ["momentum=0.9: FBGEMM's sgd has none"]),
        ("sgd", {"eps": 1e-6, "weight_decay": 0.0}, []),
        ("rowwise_adagrad", {"weight_decay": 0.1}, ["has none without a weight_decay_mode"]),
        ("rowwise_adagrad", {"optimizer": "adam"}, ["optimizer=adam; the plan is for rowwise_ada"]),
        (
            "rowwise_adagrad",
            {"weight_decay": 0.1, "weight_decay_mode": 3},
            ["weight_decay_mode=counter; the plan counts the state of none"],
        ),
        (
            "rowwise_adagrad",
            {"optimizer_state_dtypes": {"momentum1": "fp16"}},
            ["optimizer_state_dtypes={'momentum1': 'fp16'}; the plan counts none"],
        ),
    ],
)
def test_settings_that_an_optimizer_has_not_are_refused(crew, optimizer, given, wanted):
    plan = row_wise(table("a"), optimizer=optimizer)
    for found in crew.run("refusal_of_settings", plan, given):
        assert len(found) == len(wanted)
        assert all(words in each for words, each in zip(wanted, found, strict=True))


def test_tables_begin_as_whole_ones_would_or_are_refused(crew):
    """Half of 1,000 rows of 8 columns would be spread wider by a function of the shape."""
    plan = row_wise(table("a", 1000, 8), table("b", 1000, 8))
    for found in crew.run("spread_of_starts", plan, "xavier_uniform_"):
        assert found == {name: pytest.approx((2 / 1008) ** 0.5, rel=0.05) for name in "ab"}
    for found in crew.run("refusal_of_starts", plan, "orthogonal_"):
        assert [each.partition(":")[0] for each in found] == [
            "plan.sparse.ebc.a",
            "plan.sparse.ebc.b",
        ]
        assert all("init_fn orthogonal_ would give shards other weights" in each for each in found)


@pytest.mark.parametrize(
    ("kind", "wanted"),
    [
        ("other order", 0.0),
        ("unasked weights", 0.0),
        ("no weights", "the module weighs ids, and those of the batch have no weights"),
        ("wants a gradient", "weights of ids get no gradient under TorchRec: detach them"),
        ("missing", "the batch lacks the features a"),
    ],
)
def test_a_batch_is_read_as_the_unsharded_module_reads_it(crew, kind, wanted):
    plan = row_wise(table("a"), table("b"), table("c"))
    for found in crew.run("told_of_batches", plan, kind):
        assert found == (pytest.approx(wanted, abs=1e-6) if wanted == 0.0 else wanted)


def test_means_are_right_where_ids_are_sent_ahead(crew):
    """Beside sums, by rows and whole: TorchRec's pipeline calls a collection part by part."""
    tables = [table("a", pooling=3), table("b", pooling=3), table("c", pooling=3)]
    kinds = (ShardingType.ROW_WISE, FUSED), (ShardingType.TABLE_WISE, FUSED, 1, (0,))
    decisions = [Decision(i, *kinds[i % 2]) for i in range(3)]
    plan = plan_of(case_of(tables, 2), decisions)
    for worst in crew.run("pipe_beside_unsharded", plan, ["a", "b"]):
        assert worst < 1e-6


def test_a_wrapped_model_holds_no_sparse_module_without_a_plan(crew):
    """And one that did would be found out."""
    for as_made, with_more in crew.run("left_whole", random_plan(3, 2)):
        assert as_made == []
        assert with_more == ["more", "plain"]


def test_a_plain_embedding_is_warned_of_once_and_by_one_rank(crew):
    first, second = crew.run("warned_of_dense", row_wise(table("a")))
    assert second == []
    (warning,) = first
    assert "position (Embedding, 512 rows x 8, 16.0 KiB)" in warning


def test_a_plan_for_other_processes_is_refused(crew):
    plan = random_plan(1, 4)
    (text, _) = crew.run("refusal", [plan, plan], plan)
    assert "world_size: is 4; there are 2 processes" in text
    plan = random_plan(1, 2).model_copy(update={"local_world_size": 1})
    (text, _) = crew.run("refusal", [plan, plan], plan)
    assert "local_world_size: is 1; TorchRec takes nodes of 2 processes" in text


def test_what_torchrec_would_train_wrongly_is_refused(crew):
    """Rows cut unevenly, and row shards in another order of ranks: TorchRec notices neither."""
    plan = row_wise(table("a"))
    for change in (
        {"shard_offsets": (0, 0), "shard_sizes": (40, 16)},
        {"placement": "rank:1/cuda:1"},
    ):
        edited = _with_first_shard(plan, **change)
        text, _ = crew.run("refusal", [edited, edited], plan)
        assert "plan.sparse.ebc.a" in text
        assert "the file was edited: solve again" in text


def test_a_plan_whose_own_spec_was_edited_is_refused(crew):
    plan = row_wise(table("a"))
    resolved = plan.resolved | {"name": "other"}
    text, _ = crew.run("refusal", [plan.model_copy(update={"resolved": resolved})] * 2, plan)
    assert "resolved: the spec that it carries was changed or damaged: spec differs" in text
    assert text.count("error:") == 1


@pytest.mark.parametrize(
    ("training", "wanted"),
    [
        ({"optimizer": "adam"}, "adam: FBGEMM has it for GPUs alone"),
        ({"optimizer": "lamb"}, "lamb: FBGEMM has it for GPUs alone; on CPUs it has sgd, adagrad"),
        (
            {"optimizer": "rowwise_adagrad", "weight_decay_mode": "decouple_global"},
            "weight_decay_mode=none; the plan counts the state of decouple_global",
        ),
        ({"comm_dtype": {"backward": "bf16"}}, "bf16: on CPU TorchRec sends fp16 instead"),
    ],
)
def test_what_cpus_cannot_do_is_refused(crew, training, wanted):
    plan = row_wise(table("a"), **training)
    assert wanted in crew.run("refusal", [plan, plan], plan)[0]


def test_bf16_weights_are_refused_on_cpu_table_by_table(crew):
    """FBGEMM's CPU kernels have none, of any optimizer; fp16 they train."""
    tables = [table("a", dtype="bf16"), table("b"), table("c", dtype="fp16")]
    plan = row_wise(*tables)
    text = crew.run("refusal", [plan, plan], plan)[0]
    assert "a.dtype: bf16: FBGEMM's CPU kernels look up fp32 and fp16 alone" in text
    assert ".b.dtype" not in text
    assert ".c.dtype" not in text


def test_key_value_tables_are_refused_on_cpu(crew):
    plan = with_cache(row_wise(table("a")), "a", Kernel.KEY_VALUE, 0.1)
    assert "key_value: FBGEMM has it for GPUs" in crew.run("refusal", [plan, plan], plan)[0]


def test_rowwise_adagrad_over_column_shards_is_refused(crew):
    plan = random_plan(1, 2, "rowwise_adagrad", only=ShardingType.COLUMN_WISE)
    text, _ = crew.run("refusal", [plan, plan], plan)
    assert text.count("under rowwise_adagrad each adapts on its own") == plan.table_count
    assert "or allow it: allow_inexact" in text


def test_a_model_that_is_whole_on_every_rank_is_refused(crew):
    plan = row_wise(table("a"))
    text, _ = crew.run("refusal", [plan, plan], plan, make_on="cpu")
    assert 'build it with device=torch.device("meta")' in text


def test_a_broken_file_on_one_rank_fails_all_of_them(crew, tmp_path):
    """Alone it would leave the others waiting."""
    plan = row_wise(table("a"))
    whole, cut, newer = (tmp_path / name for name in ("whole", "cut", "newer"))
    text = render(plan)
    whole.write_text(text, encoding="utf-8")
    cut.write_text(text[: len(text) // 2], encoding="utf-8")
    newer.write_text(text.replace('"1.1"', '"9.0"', 1), encoding="utf-8")
    assert crew.run("refusal", [str(whole), str(whole)], plan) == ["", ""]
    for broken, wanted in ((cut, "the file is cut off"), (newer, "up to format 1.3, not 9.0")):
        for told in crew.run("refusal", [str(whole), str(broken)], plan):
            assert wanted in told


def test_ranks_with_different_plans_are_refused(crew):
    tables = [table("a")]
    here, there = (
        plan_of(case_of(tables, 2), [Decision(0, ShardingType.TABLE_WISE, FUSED, 1, (rank,))])
        for rank in (0, 1)
    )
    for told in crew.run("refusal", [here, there], here):
        assert "ranks 1 read another plan than rank 0" in told


def _with_first_shard(plan, **change):
    entry = plan.plan["sparse.ebc"]["a"]
    shards = (entry.shards[0].model_copy(update=change), *entry.shards[1:])
    edited = entry.model_copy(update={"shards": shards})
    return plan.model_copy(update={"plan": {"sparse.ebc": {"a": edited}}})
