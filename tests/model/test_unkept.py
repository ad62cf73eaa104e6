"""What was done to a collection besides its configs is named: sharding would lose it.

Skipped where TorchRec is not installed.
"""
# ruff: noqa: E402, the imports that may be missing come after the skip

from __future__ import annotations

import pytest

pytest.importorskip("torchrec")
pytestmark = pytest.mark.filterwarnings("ignore")

import torch
from torchrec import (
    EmbeddingBagCollection,
    EmbeddingBagConfig,
    EmbeddingCollection,
    EmbeddingConfig,
)
from torchrec.modules.embedding_configs import PoolingType

from shardplan.errors import InputError, ShardplanError
from shardplan.model.adopt import spec_of_model
from shardplan.model.sparse_modules import sparse_modules
from shardplan.model.unplanned import unplanned

META = torch.device("meta")


def bags(*names, **more):
    tables = [
        EmbeddingBagConfig(
            name=name, num_embeddings=100, embedding_dim=8, feature_names=[name], **more
        )
        for name in names
    ]
    return EmbeddingBagCollection(device=META, tables=tables)


def model_of(**modules):
    model = torch.nn.Module()
    for name, module in modules.items():
        setattr(model, name, module)
    return model


def tied_to_another_table():
    model = model_of(query=bags("a"), item=bags("b"))
    model.item.embedding_bags["b"].weight = model.query.embedding_bags["a"].weight
    return model


def tied_to_a_layer():
    model = model_of(ebc=bags("a"), out=torch.nn.Linear(8, 100, bias=False, device=META))
    model.out.weight = model.ebc.embedding_bags["a"].weight
    return model


def tied_by_memory():
    """Other parameters, and a buffer, that lie in the memory of tables."""
    model = model_of(ebc=bags("a", "b"), out=torch.nn.Linear(8, 50, bias=False, device=META))
    weight = {name: bag.weight.data for name, bag in model.ebc.embedding_bags.items()}
    model.out.weight = torch.nn.Parameter(weight["a"][:50])
    model.register_buffer("seen", weight["b"])
    return model


def with_other_bags():
    """A bag less, one more, and two in another order, which is how they are read."""
    fewer, more, turned = bags("a", "b"), bags("c"), bags("d", "e")
    del fewer.embedding_bags["b"]
    more.embedding_bags["x"] = torch.nn.EmbeddingBag(100, 8, mode="sum", device=META)
    turned.embedding_bags["d"] = turned.embedding_bags.pop("d")
    return model_of(fewer=fewer, more=more, turned=turned)


def with_configs_used_twice():
    """The first collection keeps the config that the second one is made of."""
    config = EmbeddingBagConfig(num_embeddings=100, embedding_dim=8)
    model = torch.nn.Module()
    for side in ("user", "item"):
        config.name, config.feature_names = side, [f"{side}_id"]
        setattr(model, side, EmbeddingBagCollection(device=META, tables=[config]))
    return model


def with_other_features():
    model = model_of(renamed=bags("a"), grown=bags("b"))
    model.renamed.embedding_bag_configs()[0].feature_names = ["z"]
    model.grown.embedding_bag_configs()[0].feature_names.append("z")
    return model


def frozen():
    model = model_of(ebc=bags("a", "b"))
    model.ebc.embedding_bags["b"].requires_grad_(False)
    return model


def replaced():
    model = model_of(ebc=bags("a", "b"))
    model.ebc.embedding_bags["a"] = torch.nn.EmbeddingBag(
        100, 8, mode="sum", padding_idx=0, device=META
    )
    model.ebc.embedding_bags["b"] = torch.nn.Embedding(100, 8, device=META)
    return model


def resized():
    model = model_of(ebc=bags("a"))
    model.ebc.embedding_bags["a"] = torch.nn.EmbeddingBag(50, 8, mode="sum", device=META)
    return model


def with_hooks_on_a_gradient():
    model = model_of(ebc=bags("a", "b"))
    model.ebc.embedding_bags["a"].weight.register_hook(lambda gradient: 2 * gradient)
    model.ebc.embedding_bags["b"].weight.register_post_accumulate_grad_hook(lambda _: None)
    return model


def with_a_forward_of_its_own():
    model = model_of(ebc=bags("a"))
    lookup = model.ebc.embedding_bags["a"].forward
    model.ebc.embedding_bags["a"].forward = lambda *given, **named: 2 * lookup(*given, **named)
    return model


def weighted_means():
    ebc = bags("a", pooling=PoolingType.MEAN)
    ebc._is_weighted = True  # noqa: SLF001, as its constructor sets it
    return model_of(ebc=ebc)


def with_more_inside():
    ebc = bags("a")
    ebc.more = bags("inner")
    ebc.scale = torch.nn.Parameter(torch.ones(8))
    ebc.register_buffer("seen", torch.zeros(8))
    ebc.embedding_bags["a"].register_forward_hook(lambda *_: None)
    return model_of(ebc=ebc)


@pytest.mark.parametrize(
    ("make", "wanted"),
    [
        (
            tied_to_another_table,
            {
                "query.a": "weights are those of item.embedding_bags.b.weight too",
                "item.b": "weights are those of query.embedding_bags.a.weight too",
            },
        ),
        (tied_to_a_layer, {"ebc.a": "weights are those of out.weight too"}),
        (
            tied_by_memory,
            {"ebc.a": "weights are those of out.weight", "ebc.b": "weights are those of seen"},
        ),
        (
            with_other_bags,
            {
                "fewer": "its bags are a, those of its configs a, b",
                "more": "its bags are c, x, those of its configs c",
                "turned": "its bags are e, d, those of its configs d, e",
            },
        ),
        (with_configs_used_twice, {"user": "its bags are user, those of its configs item"}),
        (
            with_other_features,
            {
                "renamed.a": "it is read by a, by its config by z",
                "grown": "other features than when it was made",
            },
        ),
        (frozen, {"ebc.b": "frozen"}),
        (
            replaced,
            {
                "ebc.a": "an EmbeddingBag with padding_idx=0",
                "ebc.b": "Embedding in place of an EmbeddingBag",
            },
        ),
        (with_hooks_on_a_gradient, dict.fromkeys(("ebc.a", "ebc.b"), "hooks on its gradients")),
        (with_a_forward_of_its_own, {"ebc": "a forward of its own would be lost"}),
        (weighted_means, {"ebc.a": "mean pooling of weighted ids, which PyTorch has not"}),
        (lambda: model_of(ebc=bags("a").double()), {"ebc.a": "an EmbeddingBag of torch.float64"}),
        (lambda: model_of(ebc=bags("a", need_pos=True)), {"ebc.a": "its need_pos=True"}),
        (
            lambda: model_of(ebc=bags("a", total_num_buckets=10, num_embeddings_post_pruning=50)),
            {"ebc.a": "its num_embeddings_post_pruning=50, total_num_buckets=10"},
        ),
        (
            lambda: model_of(ebc=torch.compile(bags("a"))),
            {"ebc._orig_mod": "it is compiled by itself"},
        ),
        (resized, {"ebc.a": "an EmbeddingBag with shape=(50, 8)"}),
        (lambda: model_of(ebc=bags("a", use_virtual_table=True)), {"ebc.a": "a virtual table"}),
        (
            with_more_inside,
            {
                "ebc.more": "a module inside it would be lost",
                "ebc.scale": "a parameter inside it would be lost",
                "ebc.seen": "a buffer inside it would be lost",
                "ebc": "hooks on it would be lost",
            },
        ),
    ],
)
def test_what_sharding_would_lose_is_named_where_it_is(make, wanted):
    found = {fault.path: fault.message for fault in unplanned(sparse_modules(make()), "model")}
    assert found.keys() == wanted.keys()
    for path, words in wanted.items():
        assert words in found[path]


def test_a_collection_that_nothing_was_done_to_is_planned():
    twice = bags("t")
    model = model_of(ebc=bags("a", "b"), left=model_of(tower=model_of(ebc=twice)))
    assert list(unplanned(sparse_modules(model), "model")) == []
    model.right = model.left.tower
    (fault,) = unplanned(sparse_modules(model), "model")
    assert (fault.path, "same module" in fault.message) == ("right.ebc", True)


class OurSequences(EmbeddingCollection):
    """Derived: TorchRec's sharder knows the exact class alone."""


def sequences():
    tables = [
        EmbeddingConfig(name=f"s{n}", num_embeddings=9, embedding_dim=8, feature_names=[f"f{n}"])
        for n in range(7)
    ]
    return OurSequences(device=META, tables=tables)


def many_reasons():
    """A model that cannot be planned for a reason of every kind."""
    model = model_of(sequences=sequences(), ebc=bags("a"), other=bags("a", "b"))
    model.odd = EmbeddingBagCollection(
        device=META,
        tables=[EmbeddingBagConfig(name="c", num_embeddings=9, embedding_dim=6)],
    )
    model.again = model.ebc
    model.other.embedding_bags["b"].requires_grad_(False)
    return model


def nothing_inside():
    return model_of(ebc=EmbeddingBagCollection(device=META, tables=[]))


def test_all_reasons_are_told_at_once():
    with pytest.raises(InputError) as caught:
        spec_of_model(f"{__name__}:many_reasons")
    found = {(fault.path, fault.message.partition(":")[0]) for fault in caught.value.diagnostics}
    assert {path for path, _ in found} == {"sequences", "again", "other.b"}
    text = str(caught.value)
    assert "rows are not pooled (s0, s1, s2, s3, s4 and 2 more)" in text


def test_a_model_whose_collection_has_no_tables_has_none():
    assert sparse_modules(nothing_inside()) == ()
    with pytest.raises(InputError, match="without a collection of tables"):
        spec_of_model(f"{__name__}:nothing_inside")


def gone():
    raise SystemExit(0)


def test_a_model_that_ends_the_program_is_an_error():
    with pytest.raises(ShardplanError, match="gone failed: SystemExit: 0"):
        spec_of_model(f"{__name__}:gone")
