"""What a model says of the optimizer of its tables is taken, or refused by table.

Skipped where TorchRec is not installed.
"""
# ruff: noqa: E402, the imports that may be missing come after the skip

from __future__ import annotations

import pytest

pytest.importorskip("torchrec")
pytestmark = pytest.mark.filterwarnings("ignore")

import torch
import torchrec
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig
from torchrec.distributed import utils

from shardplan.model.optimizers import OPTIMIZER_CLASSES, optimizer_faults, optimizer_of
from shardplan.model.sparse_modules import sparse_modules
from shardplan.workload.optimizers.optimizer import OPTIMIZERS, Optimizer


def modules_with(**of_tables):
    """A collection with a table for each, trained by (class, arguments)."""
    tables = [
        EmbeddingBagConfig(name=name, num_embeddings=9, embedding_dim=8) for name in of_tables
    ]
    # Imported here: it warns as it is imported.
    from torch.distributed.optim import _apply_optimizer_in_backward as apply_in_backward

    collection = EmbeddingBagCollection(device=torch.device("meta"), tables=tables)
    for name, given in of_tables.items():
        if given is not None:
            kind, arguments = given
            apply_in_backward(kind, [collection.embedding_bags[name].weight], arguments)
    return sparse_modules(collection)


def test_the_optimizer_of_a_model_is_that_of_all_tables_that_have_one():
    sgd = (torch.optim.SGD, {"lr": 0.1})
    modules = modules_with(a=sgd, b=None)
    assert optimizer_of(modules) is Optimizer.SGD
    assert list(optimizer_faults(modules, "model")) == []
    assert optimizer_of(modules_with(a=None)) is None


@pytest.mark.parametrize("optimizer", list(OPTIMIZER_CLASSES))
def test_each_optimizer_that_torchrec_has_a_class_for_is_read(optimizer: Optimizer):
    kind = getattr(torchrec.optim, OPTIMIZER_CLASSES[optimizer])
    modules = modules_with(a=(kind, {"lr": 0.1}), b=(kind, {"lr": 0.1}))
    assert optimizer_of(modules) is optimizer
    assert list(optimizer_faults(modules, "model")) == []


def test_torchrec_has_no_class_for_two_of_them():
    missing = [each.name for each in OPTIMIZERS if each not in OPTIMIZER_CLASSES]
    assert missing == ["ensemble_rowwise_adagrad", "ema_in_place_rowwise_adagrad"]
    classes = {kind.__name__ for kind in utils._OPTIMIZER_CLASS_TO_EMB_OPT_TYPE}  # noqa: SLF001
    assert classes == set(OPTIMIZER_CLASSES.values())


def test_what_lars_and_lamb_are_told_is_followed():
    lars = (torchrec.optim.LarsSGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01})
    assert list(optimizer_faults(modules_with(a=lars), "model")) == []


@pytest.mark.parametrize(
    ("tables", "wanted"),
    [
        (
            {
                "a": (torch.optim.SGD, {"lr": 0.1}),
                "b": (torch.optim.Adagrad, {"lr": 0.1}),
                "c": None,
            },
            {"a": "trained by SGD", "b": "trained by Adagrad"},
        ),
        ({"a": (torch.optim.AdamW, {"lr": 0.1})}, {"a": "trained by AdamW"}),
        (
            {"a": (torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.0})},
            {"a": "trained with momentum=0.9, which no fused optimizer does like it"},
        ),
    ],
)
def test_what_no_plan_can_train_is_refused_by_table(tables, wanted):
    found = {each.path: each.message for each in optimizer_faults(modules_with(**tables), "model")}
    assert found.keys() == wanted.keys()
    for path, words in wanted.items():
        assert words in found[path]
