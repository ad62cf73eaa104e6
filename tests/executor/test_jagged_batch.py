"""Sparse inputs: any order of features, TorchRec's own type, and what is wrong with them."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from training_case import TrainingCase, batch_of, sharded, table_of

from shardplan.executor.batch.jagged_batch import JaggedBatch
from shardplan.executor.exchange.mesh import Mesh
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.workload.optimizers.optimizer import Optimizer

TABLES = (
    table_of("a", 20, 8, "table_wise", 1, 1, targets=(0,), features=2),
    table_of("b", 10, 4, "data_parallel", 1, 1),
)
CASE = TrainingCase(TABLES, 1, 1, OptimizerSettings(Optimizer.SGD))


class Keyed:
    """As TorchRec's KeyedJaggedTensor: methods, and lengths in one dimension."""

    def __init__(self, batch: JaggedBatch) -> None:
        self._batch = batch

    def keys(self) -> list[str]:
        return list(self._batch.keys)

    def values(self) -> Any:
        return self._batch.values.int()

    def lengths(self) -> Any:
        return self._batch.lengths.view(-1).int()


def test_features_may_come_in_any_order_and_with_others_among_them() -> None:
    collection, batch = sharded(CASE, Mesh(1)), batch_of(CASE, 0, 0)
    expected = collection(batch)
    mixed = batch.select(("b.0", "a.1", "a.0"))
    more = JaggedBatch(
        ("other", *mixed.keys),
        torch.cat([torch.tensor([99, 98]), mixed.values]),
        torch.cat([torch.tensor([[2, 0, 0, 0, 0]]), mixed.lengths]),
    )
    assert torch.equal(collection(more), expected)
    assert torch.equal(collection(Keyed(more)), expected)


def test_a_missing_feature_is_named() -> None:
    batch = batch_of(CASE, 0, 0).select(("a.0", "b.0"))
    with pytest.raises(ValueError, match=r"the batch lacks the features a\.1"):
        sharded(CASE, Mesh(1))(batch)


@pytest.mark.parametrize("wrong", [20, -1])
def test_an_id_that_is_no_row_is_named(wrong: int) -> None:
    batch = batch_of(CASE, 0, 0)
    first = int(batch.lengths[0].sum())
    batch.values[first] = wrong
    message = rf"feature a\.1: id {wrong} is no row of a table of 20 rows"
    with pytest.raises(ValueError, match=message):
        sharded(CASE, Mesh(1))(batch)


def test_lengths_must_add_up() -> None:
    batch = batch_of(CASE, 0, 0)
    short = JaggedBatch(batch.keys, batch.values[:-1], batch.lengths)
    with pytest.raises(ValueError, match="do not add up"):
        sharded(CASE, Mesh(1))(short)


def test_a_batch_without_any_id_gives_zeros_and_updates_nothing() -> None:
    collection = sharded(CASE, Mesh(1))
    keys = batch_of(CASE, 0, 0).keys
    lengths = torch.zeros(3, 5, dtype=torch.int64)
    output = collection(JaggedBatch(keys, torch.zeros(0, dtype=torch.int64), lengths))
    assert not output.any()
    output.sum().backward()
    assert collection.steps == 1
