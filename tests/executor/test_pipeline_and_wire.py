"""Pipelining changes nothing but the time; formats of the wire round where they should."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

pytest.importorskip("torch")

from test_parity import TYPES, table
from training_case import TrainingCase, train_sharded, train_unsharded

from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.workload.optimizers.optimizer import Optimizer
from shardplan.workload.pipeline.pipeline import Pipeline

if TYPE_CHECKING:
    from collections.abc import Callable

    from rank_group import RankGroup


def mixed(world: int, local: int) -> TrainingCase:
    tables = tuple(table(kind, world, local, name=f"t{i}") for i, kind in enumerate(TYPES))
    return TrainingCase(
        tables, world, local, OptimizerSettings(Optimizer.ROWWISE_ADAGRAD), linear=False
    )


@pytest.mark.parametrize("pipeline", ["sparse_dist", "prefetch_sparse_dist"])
def test_ids_that_travel_ahead_change_no_bit(
    pipeline: str, rank_group: Callable[[int], RankGroup]
) -> None:
    case = mixed(4, 2)
    plain = rank_group(4).run(train_sharded, case)
    ahead = rank_group(4).run(train_sharded, replace(case, pipeline=Pipeline(pipeline)))
    for one, other in zip(plain, ahead, strict=True):
        for mine, theirs in zip(one.outputs, other.outputs, strict=True):
            assert mine.tobytes() == theirs.tobytes()
        for (_, _, mine), (_, _, theirs) in zip(one.shards, other.shards, strict=True):
            assert all(mine[field].tobytes() == theirs[field].tobytes() for field in mine)


@pytest.mark.parametrize(
    ("comm", "within"), [("fp16", 2e-3), ("bf16", 2e-2), ("int8", 5e-2), ("fp8", 1e-1)]
)
@pytest.mark.parametrize("world", [2, 4])
def test_a_narrow_wire_rounds_to_its_precision_and_no_more(
    world: int, comm: str, within: float, rank_group: Callable[[int], RankGroup]
) -> None:
    case = replace(mixed(world, 2), comm=comm)
    ranks = rank_group(world).run(train_sharded, case)
    outputs, weights = train_unsharded(case)
    largest = 0.0
    for rank, trained in enumerate(ranks):
        for step, output in enumerate(trained.outputs):
            np.testing.assert_allclose(output, outputs[step][rank], rtol=within, atol=within)
            largest = max(largest, float(np.abs(output - outputs[step][rank]).max()))
        for name, shard, fields in trained.shards:
            whole = weights[name][shard.row_offset :, shard.column_offset :]
            part = whole[: shard.rows, : shard.columns]
            np.testing.assert_allclose(fields["weight"], part, rtol=0, atol=within)
    assert largest > 1e-5, "nothing was rounded: the wire is not narrow"
