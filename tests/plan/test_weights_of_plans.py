"""What plans state for the jobs that run them: weights of ids, poolings by feature, maps of ids."""

import json

import pytest
from random_specs import TOPOLOGY, build

from shardplan.executor.planned.mismatch import model_faults, weight_faults
from shardplan.executor.planned.plan_view import view_plan
from shardplan.model.sparse_module import ModuleKind, SparseModule, SparseTable
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.plan.stated import stated_faults
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.workload.collection import POOLED, Collection, CollectionKind
from shardplan.workload.module.id_map import IdMap, IdMapPolicy

MAP = {"policy": "lru", "eviction_interval": 7, "returns_ids": True}


@pytest.fixture(scope="module")
def solved():
    """Weighted bags, learnt weights, and raw ids."""
    spec = {
        "name": "stated",
        "batch": {"local": 8},
        "topology": TOPOLOGY | {"nodes": 1, "devices_per_node": 2},
        "defaults": {"dim": 16},
        "modules": {
            "learnt": {"kind": "feature_processed"},
            "raw": {"kind": "managed_collision", "id_map": MAP},
        },
        "tables": [
            {"name": "a", "rows": 100, "module": "bags", "weighted": True}
            | {"features": ["x", "y"], "pooling": [1, 5]},
            {"name": "b", "rows": 100, "module": "learnt"},
            {"name": "c", "rows": 100, "module": "raw", "features": ["z", "u"], "pooling": 3},
        ],
    }
    return make_plan(build(spec), Settings("greedy"), Reporter())


def test_a_plan_says_whose_ids_have_weights_and_how_many_ids_each_feature_has(solved):
    """Neither weights that a module learns, nor poolings that are all alike."""
    a, b, c = json.loads(render(solved))["tables"]
    assert (a["weighted"], a["pooling"], a["poolings"]) == (True, 6, [1, 5])
    assert not {"weighted", "poolings"} & {*b, *c}
    assert not list(stated_faults(parse_plan(render(solved), "plan.json")))


def test_a_plan_says_how_raw_ids_become_rows(solved):
    value = json.loads(render(solved))
    assert value["modules"]["raw"]["id_map"] == MAP | {"runtime_meta_dim": 0}
    assert "id_map" not in value["modules"]["learnt"]


@pytest.mark.parametrize(
    ("edit", "where"),
    [
        (lambda value: value["tables"][0].update(weighted=False), "tables[0].weighted"),
        (lambda value: value["tables"][0].update(poolings=[5, 1]), "tables[0].poolings"),
        (lambda value: value["tables"][0].update(poolings=[6]), "tables[0].poolings"),
        (
            lambda value: value["modules"]["raw"]["id_map"].update(policy="lfu"),
            "modules.raw.id_map.policy",
        ),
    ],
)
def test_what_a_plan_says_otherwise_than_its_spec_is_found(solved, edit, where):
    value = json.loads(render(solved))
    edit(value)
    assert [each.where for each in stated_faults(parse_plan(json.dumps(value), "p"))] == [where]


def test_of_a_plan_that_says_nothing_of_them_they_are_taken_from_its_spec(solved):
    """As of plans that were made before they were stated."""
    value = json.loads(render(solved))
    del value["tables"][0]["weighted"], value["tables"][0]["poolings"]
    del value["modules"]["raw"]["id_map"]
    older = view_plan(parse_plan(json.dumps(value), "p")).tables
    for table, now in zip(older, view_plan(solved).tables, strict=True):
        assert table.is_weighted == now.is_weighted == (table.name == "a")
        assert [*map(table.pooling_of, table.features)] == [*map(now.pooling_of, now.features)]
    assert [*map(older[0].pooling_of, ["x", "y"])] == [1, 5]


def module_of(table, class_name, collection, is_weighted=False):
    kept = SparseTable(table.name, table.rows, table.dim, "fp32", table.features)
    return SparseModule(
        table.module,
        class_name,
        ModuleKind.BAG,
        (kept,),
        is_weighted=is_weighted,
        collection=collection,
    )


def told(plan, *, is_weighted=True, id_map=None):
    """How the plan differs from a model with such bags and such a map."""
    bags, learnt, raw = view_plan(plan).tables
    managed = Collection(CollectionKind.MANAGED_COLLISION, id_map=id_map)
    modules = [
        module_of(bags, "EmbeddingBagCollection", POOLED, is_weighted),
        module_of(learnt, "FP", Collection(CollectionKind.FEATURE_PROCESSED), is_weighted=True),
        module_of(raw, "MC", managed),
    ]
    weighted = {table.module for table in plan.tables if table.is_weighted}
    found = [
        *model_faults("plan", view_plan(plan).tables, modules, plan.collection_of),
        *weight_faults("plan", weighted, modules),
    ]
    return [f"{each.path}: {each.message}" for each in found]


def test_a_model_that_drops_the_weights_of_ids_is_refused(solved):
    assert told(solved) == []
    assert told(solved, is_weighted=False) == [
        "plan.bags: ids are planned with weights; the model's EmbeddingBagCollection drops them"
    ]


def test_a_model_that_maps_ids_otherwise_is_refused_and_one_that_nobody_can_read_is_not(solved):
    assert told(solved, id_map=IdMap(IdMapPolicy.LRU, 7, returns_ids=True)) == []
    assert told(solved, id_map=IdMap(IdMapPolicy.LFU, 7)) == [
        "modules.raw.id_map.policy: lru; the model has lfu",
        "modules.raw.id_map.returns_ids: true; the model has false",
    ]
    assert told(solved, id_map=None) == []
