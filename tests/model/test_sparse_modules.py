"""Every sparse module of a TorchRec model is found, and what cannot be planned is named.

Skipped where TorchRec is not installed.
"""
# ruff: noqa: E402, the imports that may be missing come after the skip

from __future__ import annotations

from functools import partial

import pytest

pytest.importorskip("torchrec")
pytestmark = pytest.mark.filterwarnings("ignore")

import torch
from torchrec import (
    EmbeddingBagCollection,
    EmbeddingBagConfig,
    EmbeddingCollection,
    EmbeddingConfig,
    KeyedJaggedTensor,
)
from torchrec.modules.embedding_configs import PoolingType
from torchrec.modules.embedding_tower import EmbeddingTower
from torchrec.modules.feature_processor_ import PositionWeightedModuleCollection
from torchrec.modules.fp_embedding_modules import FeatureProcessedEmbeddingBagCollection
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection
from torchrec.modules.mc_embedding_modules import ManagedCollisionEmbeddingBagCollection
from torchrec.modules.mc_modules import (
    DistanceLFU_EvictionPolicy,
    ManagedCollisionCollection,
    MCHManagedCollisionModule,
)

from shardplan.errors import ShardplanError
from shardplan.model.dense_embeddings import dense_embeddings, dense_note
from shardplan.model.initial_weights import Uniform
from shardplan.model.sparse_module import ModuleKind
from shardplan.model.sparse_modules import sparse_modules
from shardplan.model.unplanned import unplanned
from shardplan.workload.collection import Collection, CollectionKind

META = torch.device("meta")


def config(name, **more):
    return EmbeddingBagConfig(
        name=name, num_embeddings=100, embedding_dim=8, feature_names=[name], **more
    )


def bags(*names, **more):
    return EmbeddingBagCollection(device=META, tables=[config(n) for n in names], **more)


def bags_of(*tables):
    return EmbeddingBagCollection(device=META, tables=list(tables))


def sequences(name):
    one = EmbeddingConfig(name=name, num_embeddings=9, embedding_dim=8, feature_names=[name])
    return EmbeddingCollection(device=META, tables=[one])


def feature_processed():
    weighted = bags("fp", is_weighted=True)
    return FeatureProcessedEmbeddingBagCollection(
        weighted, PositionWeightedModuleCollection({"fp": 5}, device=META)
    )


def managed():
    tables = [config("item")]
    managed = MCHManagedCollisionModule(
        zch_size=100,
        input_hash_size=1 << 40,
        device=torch.device("cpu"),
        eviction_interval=2,
        eviction_policy=DistanceLFU_EvictionPolicy(),
    )
    return ManagedCollisionEmbeddingBagCollection(
        EmbeddingBagCollection(device=META, tables=tables),
        ManagedCollisionCollection(
            embedding_configs=tables, managed_collision_modules={"item": managed}
        ),
    )


class OurBags(EmbeddingBagCollection):
    """Derived: TorchRec's sharder knows the exact class alone."""


def model_of(**modules):
    model = torch.nn.Module()
    for name, module in modules.items():
        setattr(model, name, module)
    return model


class OurSequences(EmbeddingCollection):
    """Derived too."""


class OurProcessed(FeatureProcessedEmbeddingBagCollection):
    """And this."""


def around_derived():
    """TorchRec would shard what is inside as the class that it is derived from."""
    inside = OurBags(device=META, tables=[config("fp")], is_weighted=True)
    return FeatureProcessedEmbeddingBagCollection(
        inside, PositionWeightedModuleCollection({"fp": 5}, device=META)
    )


PLANNED = [
    (lambda: sequences("s"), ModuleKind.SEQUENCE, Collection(CollectionKind.SEQUENCE, False)),
    (feature_processed, ModuleKind.FEATURE_PROCESSED, Collection(CollectionKind.FEATURE_PROCESSED)),
    (managed, ModuleKind.MANAGED_COLLISION, Collection(CollectionKind.MANAGED_COLLISION)),
]


@pytest.mark.parametrize(
    ("make", "kind", "collection"), PLANNED, ids=[k.name for _, k, _ in PLANNED]
)
def test_a_module_of_every_kind_is_read_with_its_tables(make, kind, collection):
    (module,) = sparse_modules(model_of(inner=model_of(it=make())))
    assert (module.path, module.kind, module.collection) == ("inner.it", kind, collection)
    assert [(table.dim, table.device_type) for table in module.tables] == [(8, "meta")]
    assert list(unplanned([module], "model")) == []


def test_what_would_be_lost_of_what_a_module_wraps_is_named():
    model = model_of(fp=feature_processed(), mc=managed(), ec=sequences("s"))
    model.fp.get_submodule("_embedding_bag_collection").embedding_bags["fp"].weight.requires_grad_(
        False
    )
    model.mc.register_forward_hook(lambda *_: None)
    model.mc.more = torch.nn.Linear(1, 1)
    model.ec.embeddings["s"] = torch.nn.Embedding(9, 8, padding_idx=0, device=META)
    model.out = torch.nn.Linear(8, 9)
    model.out.weight = model.ec.embeddings["s"].weight
    found = {(f.path, f.message.partition(": ")[2]) for f in unplanned(sparse_modules(model), "m")}
    assert found == {
        ("fp.fp", "its weights are frozen (requires_grad is False), and would be trained"),
        ("mc", "hooks on it would be lost"),
        ("mc.more", "a module inside it would be lost"),
        ("ec.s", "it is looked up by an Embedding with padding_idx=0"),
        ("ec.s", "its weights are those of out.weight too, and would be trained apart"),
    }


def test_a_sequence_whose_configs_were_changed_since_it_was_made_is_named():
    """TorchRec reads them again when it shards."""
    changed = sequences("s")
    changed.embedding_configs().append(sequences("t").embedding_configs()[0])
    (fault,) = unplanned(sparse_modules(model_of(ec=changed)), "model")
    assert (fault.path, fault.message) == (
        "ec",
        "EmbeddingCollection: its embeddings are s, those of its configs s, t",
    )


UNPLANNED = [
    (
        lambda: OurSequences(device=META, tables=sequences("s").embedding_configs()),
        "OurSequences",
        ModuleKind.SEQUENCE,
    ),
    (
        lambda: OurProcessed(
            bags("fp", is_weighted=True), PositionWeightedModuleCollection({"fp": 5}, device=META)
        ),
        "OurProcessed",
        ModuleKind.FEATURE_PROCESSED,
    ),
    (
        around_derived,
        "FeatureProcessedEmbeddingBagCollection",
        ModuleKind.FEATURE_PROCESSED,
    ),
    (lambda: OurBags(device=META, tables=[config("o")]), "OurBags", ModuleKind.OTHER),
    (lambda: torch.nn.EmbeddingBag(9, 4, sparse=True), "EmbeddingBag", ModuleKind.OTHER),
    (lambda: torch.nn.Embedding(9, 4, sparse=True), "Embedding", ModuleKind.OTHER),
    (
        lambda: FusedEmbeddingBagCollection(
            [config("f")], torch.optim.SGD, {"lr": 0.1}, device=torch.device("cpu")
        ),
        "FusedEmbeddingBagCollection",
        ModuleKind.OTHER,
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("make", "name", "kind"), UNPLANNED, ids=[name for _, name, _ in UNPLANNED]
)
def test_a_module_that_cannot_be_planned_is_named_with_its_class(make, name, kind):
    model = model_of(ebc=bags("a"), inner=model_of(it=make()))
    found = sparse_modules(model)
    assert [(m.path, m.class_name, m.kind) for m in found] == [
        ("ebc", "EmbeddingBagCollection", ModuleKind.BAG),
        ("inner.it", name, kind),
    ]
    (fault,) = unplanned(found, "model")
    assert (fault.path, fault.message.partition(":")[0]) == ("inner.it", name)


def test_dense_embeddings_are_parameters_like_others():
    model = model_of(position=torch.nn.Embedding(512, 8), mlp=torch.nn.Linear(2, 2))
    assert sparse_modules(model) == ()


def test_a_note_names_dense_embeddings_and_the_large_ones_loudly():
    dense = partial(torch.nn.Embedding, device=META)
    model = model_of(
        ebc=bags("a"),  # 100 rows x 8 x 4 bytes: large is what takes 320 bytes.
        position=dense(9, 8),
        inner=model_of(users=torch.nn.EmbeddingBag(40, 2, dtype=torch.float16, device=META)),
        clicked=dense(40, 8, sparse=True),
    )
    tables = [table for module in sparse_modules(model) for table in module.tables]
    found = dense_embeddings(model)
    assert [(e.path, e.class_name, e.rows, e.dim, e.bytes) for e in found] == [
        ("position", "Embedding", 9, 8, 288),
        ("inner.users", "EmbeddingBag", 40, 2, 160),
    ]
    note = dense_note(found, tables)
    assert "position (Embedding, 9 rows x 8, 288 B), inner.users (EmbeddingBag" in note
    assert "LARGE" not in note
    model.position = dense(10, 8)
    note = dense_note(dense_embeddings(model), tables)
    assert note.startswith("LARGE")
    assert note.endswith("make position tables of an EmbeddingBagCollection")
    assert dense_note((), tables) == ""


def test_a_collection_inside_a_tower_is_found_in_its_place():
    tower = EmbeddingTower(bags("a"), torch.nn.Linear(8, 8))
    (module,) = sparse_modules(model_of(tower=tower))
    assert (module.path, module.kind) == ("tower.embedding", ModuleKind.BAG)
    (module,) = sparse_modules(model_of(tower=EmbeddingTower(sequences("s"), torch.nn.Identity())))
    assert (module.path, module.kind) == ("tower.embedding", ModuleKind.SEQUENCE)


def test_a_collection_may_be_the_model_itself():
    (module,) = sparse_modules(bags("a", "b"))
    assert module.path == ""
    assert [table.name for table in module.tables] == ["a", "b"]


def test_a_model_that_lies_in_itself_is_refused():
    model = model_of(child=torch.nn.Linear(1, 1), sparse=bags("a"))
    model.child.parent = model
    with pytest.raises(ShardplanError, match=r"child\.parent lies in itself"):
        sparse_modules(model)


def test_one_collection_in_two_places_is_refused_at_the_second():
    shared = bags("a")
    found = sparse_modules(model_of(query=model_of(ebc=shared), item=model_of(ebc=shared)))
    assert [(m.path, m.other_paths) for m in found] == [("query.ebc", ("item.ebc",))]
    (fault,) = unplanned(found, "model")
    assert fault.path == "item.ebc"


def test_what_a_table_says_of_itself_is_read():
    def ones(weight):
        return weight.fill_(1.0)

    tables = [config("a", pooling=PoolingType.MEAN), config("b", init_fn=ones), config("c")]
    bounded = config("d", weight_init_min=-0.1, weight_init_max=0.2)
    collection = EmbeddingBagCollection(device=META, tables=[*tables, bounded], is_weighted=True)
    (module,) = sparse_modules(collection)
    assert module.is_weighted
    assert [table.pooling for table in module.tables] == ["mean", "sum", "sum", "sum"]
    assert [table.init_fn for table in module.tables] == ["", "ones", "", ""]
    assert [table.initial for table in module.tables] == [None, None, None, Uniform(-0.1, 0.2)]
    assert {table.dtype for table in module.tables} == {"fp32"}


def test_a_table_without_features_is_read_by_the_one_that_torchrec_gives_it():
    unnamed = EmbeddingBagConfig(name="a", num_embeddings=9, embedding_dim=8, feature_names=[])
    collection = EmbeddingBagCollection(tables=[unnamed])
    (module,) = sparse_modules(collection)
    (feature,) = module.tables[0].features
    ids = KeyedJaggedTensor([feature], torch.tensor([3]), lengths=torch.tensor([1]))
    assert torch.equal(collection(ids)["a"], collection.embedding_bags["a"].weight[3:4])


def test_a_derived_collection_is_of_another_kind_whatever_its_name():
    named_alike = type("EmbeddingTower", (EmbeddingBagCollection,), {})
    (module,) = sparse_modules(model_of(tower=named_alike(device=META, tables=[config("a")])))
    assert (module.kind, module.class_name) == (ModuleKind.OTHER, "EmbeddingTower")
