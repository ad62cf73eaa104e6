"""The engine that trains a DLRM by a plan: what it holds, and that it learns the same."""

from __future__ import annotations

import itertools
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from random_specs import TOPOLOGY
from torch.nn import functional

from shardplan.build_case import case_of_value
from shardplan.errors import MemoryExceeded
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.executor.planned.plan_view import view_plan
from shardplan.executor.planned.planned_table import PlannedShard
from shardplan.executor.planned.tier_limits import TierLimits
from shardplan.executor.tables.initial_weights import fill_initial
from shardplan.executor.train.data.synthetic_data import DENSE_FEATURES, SyntheticData, zipf_ids
from shardplan.executor.train.dlrm import DenseLayers
from shardplan.executor.train.engine import EngineSetup
from shardplan.executor.train.native_engine import NativeEngine
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from rank_group import RankGroup

    from shardplan.executor.planned.plan_view import PlanView

RATE = 0.1
EPS = 1e-6
"""Above the rounding of gradients: with less, Adagrad moves a weight whose gradient is nothing but
rounding by the whole rate, to one side or the other."""


def plan_of(world: int, optimizer: str, pipeline: str, **more: Any) -> str:
    """A plan that mixes types, and for most optimizers tiers."""
    away = "fused" if optimizer == "rowwise_adagrad" else "fused_uvm"
    kinds: list[dict[str, Any]] = [
        {"sharding": ["row_wise"], "kernels": ["fused"]},
        {"sharding": ["column_wise"], "kernels": [away]},
        {"sharding": ["data_parallel"]},
        {"sharding": ["table_wise"], "kernels": ["fused"]},
    ]
    tables = [
        {
            "name": f"t{i}",
            "rows": [3000, 4000, 300, 2500][i % 4],
            "dim": 16,
            "pooling": [1, 2.5][i % 2],
            "access": {"zipf": 1.05},
        }
        for i in range(8)
    ]
    spec = {
        "name": "small",
        "batch": {"local": 64},
        "topology": TOPOLOGY | {"nodes": 1, "devices_per_node": world},
        "training": {"optimizer": optimizer, "pipeline": pipeline, "exact_updates": False},
        "tables": tables,
        "constraints": [{"tables": [f"t{i}", f"t{i + 4}"], **kinds[i]} for i in range(4)],
        "reserve": {"hbm": "0%", "ddr": "0%"},
        **more,
    }
    return render(make_plan(case_of_value(spec, "spec"), Settings("greedy"), Reporter()))


def setup_of(text: str, **more: Any) -> EngineSetup:
    plan = parse_plan(text, "plan.json")
    view = view_plan(plan)
    settings = OptimizerSettings(view.training.optimizer, RATE, EPS)
    return EngineSetup(plan, view, settings, torch.device("cpu"), DENSE_FEATURES, **more)


def run_engine(text: str, steps: int) -> tuple[list[float], dict[str, Any]]:
    """On one of the ranks: its losses, and what it measured."""
    setup = setup_of(text, is_measured=True, timeout_seconds=60.0)
    engine = NativeEngine(setup)
    samples = setup.view.training.local_batch
    data = SyntheticData(setup.view, samples, engine.mesh.rank)
    losses = [float(loss) for loss in engine.train(data.batches(0, steps))]
    return losses, engine.measured().as_json()


@pytest.mark.parametrize(
    ("optimizer", "pipeline"),
    [("sgd", "none"), ("rowwise_adagrad", "sparse_dist"), ("adam", "prefetch_sparse_dist")],
)
def test_measured_memory_is_what_the_plan_predicts(
    optimizer: str, pipeline: str, rank_group: Callable[[int], RankGroup]
) -> None:
    """Within 5%, on each rank and tier."""
    text = plan_of(2, optimizer, pipeline)
    predicted = view_plan(parse_plan(text, "plan.json")).predicted_bytes
    for rank, (_, measured) in enumerate(rank_group(2).run(run_engine, text, 6)):
        held = measured["memory_bytes"]
        assert held["hbm"] == pytest.approx(predicted[rank].hbm, rel=0.05)
        assert held["ddr"] == pytest.approx(predicted[rank].ddr, rel=0.05)
        assert held["ssd"] == predicted[rank].ssd == 0


def test_a_plan_predicted_to_exceed_the_pool_allocates_nothing() -> None:
    text = plan_of(1, "sgd", "none")
    short = TierLimits(view_plan(parse_plan(text, "p")).predicted_bytes[0].hbm - 1)
    setup = setup_of(text, limits=short)
    with pytest.raises(MemoryExceeded, match="the plan does not fit on rank 0: hbm"):
        NativeEngine(setup)


@cache
def unsharded_losses(view: PlanView, ranks: int, samples: int, steps: int) -> list[float]:
    """A DLRM with plain tables, SGD throughout; the mean over the ranks' batches."""
    weights = []
    for table in view.tables:
        weight = torch.empty(table.rows, table.dim)
        fill_initial(weight, table, PlannedShard(0, 0, 0, table.rows, table.dim), 0)
        weights.append(weight.requires_grad_())
    dense = DenseLayers(DENSE_FEATURES, [table.dim for table in view.tables])
    kinds = {"sgd": torch.optim.SGD, "adagrad": partial(torch.optim.Adagrad, eps=EPS)}
    of_tables = kinds[view.training.optimizer.name](weights, lr=RATE)
    of_dense = torch.optim.SGD(dense.parameters(), lr=RATE)
    losses = []
    for step in range(steps):
        each = []
        for rank in range(ranks):
            batch = SyntheticData(view, samples, rank).batch(step)
            parts = batch.sparse.values.split(batch.sparse.lengths.sum(1).tolist())
            offsets = batch.sparse.lengths.cumsum(1) - batch.sparse.lengths
            pooled = [
                functional.embedding_bag(ids, weight, at, mode="sum")
                for ids, weight, at in zip(parts, weights, offsets, strict=True)
            ]
            logits = dense(batch.dense, torch.cat(pooled, 1))
            each.append(functional.binary_cross_entropy_with_logits(logits, batch.labels))
        loss = torch.stack(each).mean()
        for optimizer in (of_tables, of_dense):
            optimizer.zero_grad()
        loss.backward()
        for optimizer in (of_tables, of_dense):
            optimizer.step()
        losses.append(float(loss.detach()))
    return losses


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_losses_fall_and_are_those_of_the_unsharded_model(
    optimizer: str, rank_group: Callable[[int], RankGroup]
) -> None:
    """Over 120 steps of a task that can be learnt, within 1e-5; over one rank and over two."""
    text = plan_of(2, optimizer, "sparse_dist")
    expected = unsharded_losses(view_plan(parse_plan(text, "plan.json")), 2, 64, 120)
    ranks = rank_group(2).run(run_engine, text, 120)
    sharded = np.mean([losses for losses, _ in ranks], axis=0)
    np.testing.assert_allclose(sharded, expected, rtol=0, atol=1e-5)
    alone, _ = run_engine(plan_of(1, optimizer, "sparse_dist", batch={"local": 128}), 120)
    np.testing.assert_allclose(alone, expected, rtol=0, atol=1e-5)
    assert np.mean(expected[-10:]) < np.mean(expected[:10]) - 0.03


@pytest.mark.parametrize("rows", [1000, 300_000])
@pytest.mark.parametrize("exponent", [0.0, 0.7, 1.0, 1.3])
def test_drawn_ids_follow_zipfs_law(exponent: float, rows: int) -> None:
    """The share of the hottest rows, against the law summed up; the tail is an integral."""
    draws = 200_000
    random = torch.Generator().manual_seed(1)
    ids = zipf_ids(torch.rand(draws, generator=random, dtype=torch.float64), rows, exponent)
    assert int(ids.min()) >= 0
    assert int(ids.max()) < rows
    law = np.arange(1, rows + 1) ** -exponent
    found = np.cumsum(np.bincount(ids.numpy(), minlength=rows)) / draws
    np.testing.assert_allclose(found, np.cumsum(law) / law.sum(), atol=0.005)


def test_a_sample_is_the_same_whichever_rank_draws_it() -> None:
    view = view_plan(parse_plan(plan_of(1, "sgd", "none"), "plan.json"))
    pair = view_plan(parse_plan(plan_of(2, "sgd", "none"), "plan.json"))
    whole = SyntheticData(view, 8, 0).batch(3)
    halves = [SyntheticData(pair, 4, rank).batch(3) for rank in (0, 1)]
    assert torch.equal(whole.dense, torch.cat([half.dense for half in halves]))
    assert torch.equal(whole.labels, torch.cat([half.labels for half in halves]))
    lengths = torch.cat([half.sparse.lengths for half in halves], 1)
    assert torch.equal(whole.sparse.lengths, lengths)
    parts = [half.sparse.values.split(half.sparse.lengths.sum(1).tolist()) for half in halves]
    values = torch.cat(list(itertools.chain.from_iterable(zip(*parts, strict=True))))
    assert torch.equal(whole.sparse.values, values)


@pytest.mark.parametrize("ids", ["hashed", "by_frequency"])
def test_the_hot_rows_of_samples_lie_where_the_spec_says(ids: str) -> None:
    """All over hashed tables, elsewhere for another seed; first where ids are by frequency."""
    text = plan_of(1, "sgd", "none", defaults={"ids": ids})
    view = view_plan(parse_plan(text, "plan.json"))
    hottest = {}
    for seed in (0, 1):
        sparse = SyntheticData(view, 512, 0, seed).batch(0).sparse
        parts = sparse.values.split(sparse.lengths.sum(1).tolist())
        hottest[seed] = [int(part.bincount().argmax()) for part in parts]
    if ids == "by_frequency":
        assert hottest[0] == hottest[1] == [0] * len(view.tables)
        return
    assert hottest[0] != hottest[1]
    halves = [2 * row // table.rows for row, table in zip(hottest[0], view.tables, strict=True)]
    assert set(halves) == {0, 1}
