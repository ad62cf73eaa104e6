"""Plans whose ids have weights, and features with ids of their own number, trained as planned."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("torch")

import torch
from random_specs import TOPOLOGY
from test_native_engine import RATE, setup_of
from torch.nn import functional

from shardplan.build_case import case_of_value
from shardplan.executor.planned.plan_view import view_plan
from shardplan.executor.planned.planned_table import PlannedShard
from shardplan.executor.steps.drawn_batch import drawn_batch
from shardplan.executor.tables.initial_weights import fill_initial
from shardplan.executor.train.data.synthetic_data import DENSE_FEATURES, SyntheticData
from shardplan.executor.train.dlrm import DenseLayers
from shardplan.executor.train.native_engine import NativeEngine
from shardplan.plan.file.write import render
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

SAMPLES = 200
POOLINGS = {"few": 1.5, "many": 9.0, "plain": 2.0}


@pytest.fixture(scope="module")
def plan() -> Any:
    """One module weighs its ids, the other does not; both get the same batch."""
    spec = {
        "name": "weighted",
        "batch": {"local": SAMPLES},
        "topology": TOPOLOGY | {"nodes": 1, "devices_per_node": 1},
        "training": {"optimizer": "sgd", "pipeline": "none"},
        "defaults": {"dim": 8},
        "tables": [
            {"name": "a", "rows": 500, "module": "m.weighted", "weighted": True}
            | {"features": ["few", "many"], "pooling": [POOLINGS["few"], POOLINGS["many"]]},
            {"name": "b", "rows": 300, "module": "m.plain"}
            | {"features": ["plain"], "pooling": POOLINGS["plain"]},
        ],
    }
    return make_plan(case_of_value(spec, "spec"), Settings("greedy"), Reporter())


@pytest.mark.parametrize("drawn_by", ["training", "timed steps"])
def test_each_feature_has_as_many_ids_as_the_spec_says(plan: Any, drawn_by: str) -> None:
    view = view_plan(plan)
    if drawn_by == "training":
        batch = SyntheticData(view, SAMPLES, 0).batch(0).sparse
    else:
        batch = drawn_batch(view, 0, seed=5)
    means = dict(zip(batch.keys, batch.lengths.double().mean(1).tolist(), strict=True))
    assert means == pytest.approx(POOLINGS, abs=0.1)
    assert batch.weights is not None
    assert len(batch.weights) == len(batch.values)
    parts = batch.weights.split(batch.lengths.sum(1).tolist())
    assert len(parts[batch.keys.index("many")].unique()) > SAMPLES


def test_rows_count_by_the_weights_of_their_ids_in_the_modules_that_have_them(plan: Any) -> None:
    """The losses are those of PyTorch's own bags, weighted and not."""
    setup = setup_of(render(plan))
    engine, data = NativeEngine(setup), SyntheticData(setup.view, SAMPLES, 0)
    losses = [float(loss) for loss in engine.train(data.batches(0, 4))]
    assert losses == pytest.approx(plain_losses(setup.view, data, 4), abs=1e-6)


def plain_losses(view: Any, data: SyntheticData, steps: int) -> list[float]:
    weights = {}
    for table in view.tables:
        whole = torch.empty(table.rows, table.dim)
        fill_initial(whole, table, PlannedShard(0, 0, 0, table.rows, table.dim), 0)
        weights[table.name] = whole.requires_grad_()
    readers = [(table, feature) for table in view.tables for feature in table.features]
    dense = DenseLayers(DENSE_FEATURES, [table.dim for table, _ in readers])
    optimizer = torch.optim.SGD([*weights.values(), *dense.parameters()], lr=RATE)
    losses = []
    for step in range(steps):
        batch = data.batch(step)
        counts = batch.sparse.lengths.sum(1).tolist()
        ids, of_ids = batch.sparse.values.split(counts), batch.sparse.weights.split(counts)
        pooled = []
        for table, feature in readers:
            at = batch.sparse.keys.index(feature)
            lengths = batch.sparse.lengths[at]
            pooled.append(
                functional.embedding_bag(
                    ids[at],
                    weights[table.name],
                    lengths.cumsum(0) - lengths,
                    mode="sum",
                    per_sample_weights=of_ids[at] if table.name == "a" else None,
                )
            )
        logits = dense(batch.dense, torch.cat(pooled, 1))
        loss = functional.binary_cross_entropy_with_logits(logits, batch.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses
