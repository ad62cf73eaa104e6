"""Sums over ranks: in place, in the order of ranks, and of no more than was read."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from training_case import TrainingCase, batch_of, mesh_of, sharded, table_of, trained

from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.workload.optimizers.trainable import native_optimizers

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray
    from rank_group import RankGroup

    from shardplan.workload.optimizers.optimizer import Optimizer

WORLD = 4
SUMS = "the sum of data-parallel gradients"


def numbers_of(rank: int, count: int) -> NDArray[np.float32]:
    """Of very different sizes, so that another order of adding gives other bits."""
    random = np.random.default_rng([rank, count])
    return (random.normal(size=count) * 10.0 ** random.integers(-4, 5, count)).astype(np.float32)


def summed(count: int) -> tuple[bool, NDArray[np.float32], int]:
    """On one rank: whether it was done in place, the sums, and the bytes that were sent."""
    mesh = mesh_of(WORLD)
    mesh.sent_bytes.clear()
    values = torch.from_numpy(numbers_of(mesh.rank, count))
    found = mesh.all.all_reduce(values, "sums")
    return found.data_ptr() == values.data_ptr(), found.numpy(), mesh.sent_bytes["sums"]


@pytest.mark.parametrize("count", [0, 2, WORLD, 1001])
def test_numbers_are_added_in_the_order_of_ranks_and_none_is_sent_to_its_own_rank(
    count: int, rank_group: Callable[[int], RankGroup]
) -> None:
    expected = numbers_of(0, count)
    for rank in range(1, WORLD):
        expected = expected + numbers_of(rank, count)
    answers = rank_group(WORLD).run(summed, count)
    for is_in_place, found, _ in answers:
        assert is_in_place
        assert found.tobytes() == expected.tobytes()
    assert sum(sent for _, _, sent in answers) == 2 * (WORLD - 1) * count * 4


def sent_by(case: TrainingCase) -> int:
    """On one rank: bytes of data-parallel gradients that it sends in training."""
    collection = sharded(case)
    collection.mesh.sent_bytes.clear()
    trained(case, collection)
    return int(collection.mesh.sent_bytes[SUMS])


@pytest.mark.parametrize("kind", native_optimizers())
def test_only_rows_that_some_rank_read_travel(
    kind: Optimizer, rank_group: Callable[[int], RankGroup]
) -> None:
    table = table_of("t", 300, 8, "data_parallel", WORLD, WORLD)
    case = TrainingCase((table,), WORLD, WORLD, OptimizerSettings(kind, 0.1), steps=1)
    read = {int(row) for rank in range(WORLD) for row in batch_of(case, 0, rank).values}
    assert 10 < len(read) < 150
    answers = rank_group(WORLD).run(sent_by, case)
    assert sum(answers) == 2 * (WORLD - 1) * len(read) * 8 * 4
