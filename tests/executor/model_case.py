"""Models with EmbeddingBagCollections, and what the ranks of a test do with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from random_specs import TOPOLOGY
from torchrec import (
    EmbeddingBagCollection,
    EmbeddingBagConfig,
    EmbeddingCollection,
    EmbeddingConfig,
    KeyedJaggedTensor,
)
from torchrec.modules.embedding_configs import DataType, PoolingType
from training_case import contents, mesh_of

from shardplan.build_case import case_of_value
from shardplan.errors import PlanRefused
from shardplan.executor import OptimizerSettings, shard_tables, view_plan
from shardplan.executor.planned.in_model import in_model
from shardplan.executor.planned.planned_table import PlannedShard
from shardplan.executor.tables.initial_weights import fill_initial
from shardplan.model.sparse_modules import sparse_modules
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings

SAMPLES, STEPS, RATE, EPS = 6, 5, 0.125, 1e-6
TABLES: dict[str, tuple[str, int, int, list[str]]] = {
    "whole": ("table_wise", 30, 8, ["f"]),
    "columns": ("column_wise", 30, 16, ["g", "h"]),
    "rows": ("row_wise", 31, 8, ["f", "i"]),
    "copies": ("data_parallel", 12, 8, ["j"]),
}
"""Sharding type, rows, dim and features; two tables read ``f``."""


@dataclass(frozen=True)
class ModelCase:
    """How a model differs from sums of fp32 rows."""

    optimizer: str = "sgd"
    pooling: str = "sum"
    dtype: str = "fp32"
    is_weighted: bool = False


def plan_text(case: ModelCase) -> str:
    """A plan for two ranks that cuts each table as ``TABLES`` says."""
    spec = {
        "name": "small",
        "batch": {"local": SAMPLES},
        "topology": TOPOLOGY | {"nodes": 1, "devices_per_node": 2},
        "training": {"optimizer": case.optimizer, "exact_updates": False},
        "tables": [
            {"name": name, "rows": rows, "dim": dim, "features": features, "pooling": 2}
            | {"dtype": case.dtype, "module": "sparse.ebc"}
            for name, (_, rows, dim, features) in TABLES.items()
        ],
        "constraints": [
            {"tables": name, "sharding": [kind]} for name, (kind, *_) in TABLES.items()
        ],
    }
    return render(make_plan(case_of_value(spec, "spec"), Settings("greedy"), Reporter()))


def model_of(case: ModelCase, device: str = "meta", **of_configs: Any) -> Any:
    """The tables of the plan in the contrary order."""
    configs = [
        EmbeddingBagConfig(
            name=name,
            num_embeddings=rows,
            embedding_dim=dim,
            feature_names=features[::-1],
            pooling=PoolingType(case.pooling.upper()),
            data_type=DataType(case.dtype.upper() if device == "meta" else "FP32"),
            **of_configs,
        )
        for name, (_, rows, dim, features) in reversed(TABLES.items())
    ]
    root = torch.nn.Module()
    root.sparse = torch.nn.Module()
    root.sparse.ebc = EmbeddingBagCollection(
        device=torch.device(device), tables=configs, is_weighted=case.is_weighted
    )
    return root


def batch_of(case: ModelCase, seed: int) -> Any:
    """Features in an order of their own, with one among them that no table reads."""
    random = torch.Generator().manual_seed(seed)
    keys = ["j", "unread", "h", "f", "i", "g"]
    lengths = torch.randint(0, 5, (len(keys), SAMPLES), generator=random)
    ids = torch.randint(0, 12, (int(lengths.sum()),), generator=random)
    weights = torch.randint(-4, 9, ids.shape, generator=random) / 8
    return KeyedJaggedTensor(
        keys, ids, weights=weights if case.is_weighted else None, lengths=lengths.view(-1)
    )


def compared(case: ModelCase, text: str) -> tuple[float, float]:
    """On one of the ranks: by how much outputs and weights differ from the unsharded model's."""
    view = view_plan(parse_plan(text, "plan.json"))
    settings = OptimizerSettings(case.optimizer, RATE, EPS)
    tables = shard_tables(view, mesh_of(2), settings, model=model_of(case))["sparse.ebc"]
    whole = model_of(case, "cpu").sparse.ebc
    weights = {name: bag.weight for name, bag in whole.embedding_bags.items()}
    start_like(weights, view, model_of(case), case.dtype)
    squares = {name: torch.zeros(len(weight), 1) for name, weight in weights.items()}
    ranks, off = dist.get_world_size(), 0.0
    for step in range(STEPS):
        random = torch.Generator().manual_seed(step)
        factors = torch.randint(-8, 9, (tables.layout.width,), generator=random) / 16
        outputs = [whole(batch_of(case, 100 * step + rank)).values() for rank in range(ranks)]
        (sum((each * factors).sum() for each in outputs) / ranks).backward()
        found = tables(batch_of(case, 100 * step + dist.get_rank()))
        (found * factors).sum().backward()
        off = max(off, float((found - outputs[dist.get_rank()]).abs().max()))
        with torch.no_grad():
            for name, weight in weights.items():
                update(case, weight, squares[name])
    parts = [
        (weights[name][s.row_offset :, s.column_offset :][: s.rows, : s.columns], fields["weight"])
        for name, s, fields in contents(tables)
    ]
    return off, max(float((part - torch.from_numpy(f)).abs().max()) for part, f in parts)


def start_like(weights: Any, view: Any, model: Any, dtype: str) -> None:
    """The weights that the native engine begins with."""
    for table in in_model(view, sparse_modules(model)[0]):
        whole = PlannedShard(0, 0, 0, table.rows, table.dim)
        fill_initial(weights[table.name].data, table, whole, 0)
        weights[table.name].data = rounded(weights[table.name].data, dtype)


def update(case: ModelCase, weight: Any, squares: Any) -> None:
    """SGD or row-wise Adagrad by the book, in fp32, rounded to the table's format."""
    if case.optimizer == "sgd":
        change = weight.grad
    else:
        squares += weight.grad.square().mean(1, keepdim=True)
        change = weight.grad / (squares.sqrt() + EPS)
    weight.data = rounded(weight.data - RATE * change, case.dtype)
    weight.grad = None


def rounded(values: Any, dtype: str) -> Any:
    kinds = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
    return values.to(kinds[dtype]).float()


def refused(kind: str, text: str) -> list[str]:
    """On one of the ranks: what is refused of a model that rank 1 alone has otherwise."""
    case = ModelCase()
    model = model_of(case)
    if kind == "init_fn":
        model = model_of(case, init_fn=torch.nn.init.orthogonal_)
    elif kind == "rates":
        # Imported here: it warns as it is imported.
        from torch.distributed.optim import _apply_optimizer_in_backward as apply_in_backward

        weights = [bag.weight for bag in model.sparse.ebc.embedding_bags.values()]
        apply_in_backward(torch.optim.SGD, weights[:1], {"lr": 0.5})
        apply_in_backward(torch.optim.SGD, weights[1:], {"lr": 0.01})
    elif kind == "weighted mean":
        model = model_of(ModelCase(pooling="mean", is_weighted=True))
    elif kind == "dtype":
        model = model_of(ModelCase(dtype="fp16"))
    elif kind == "on cpu":
        model = model_of(case, "cpu")
    elif kind == "one rank" and dist.get_rank() == 1:
        model.more = sequences()
    elif kind == "frozen":
        model.sparse.ebc.requires_grad_(False)
    elif kind == "all kinds":
        model.twin, model.more, model.plain = model.sparse, sequences(), plain()
    view = view_plan(parse_plan(text, "plan.json"))
    try:
        shard_tables(view, mesh_of(2), OptimizerSettings("sgd", 0.01), model=model)
    except PlanRefused as error:
        return list(error.differences)
    return []


def sequences() -> Any:
    one = EmbeddingConfig(name="s", num_embeddings=9, embedding_dim=8, feature_names=["s"])
    return EmbeddingCollection(device=torch.device("meta"), tables=[one])


def plain() -> Any:
    return torch.nn.EmbeddingBag(9, 4, sparse=True)


def told_of_batch(kind: str, text: str) -> str:
    """On one of the ranks: what is said of a batch that cannot be trained."""
    case = ModelCase(is_weighted=kind in ("no weights", "wants a gradient"))
    view = view_plan(parse_plan(text, "plan.json"))
    settings = OptimizerSettings("sgd", RATE)
    tables = shard_tables(view, mesh_of(2), settings, model=model_of(case))["sparse.ebc"]
    given = batch_of(case, 0)
    values, lengths, weights = given.values(), given.lengths(), given.weights_or_none()
    more: dict[str, Any] = {}
    if kind == "no weights":
        weights = None
    elif kind == "wants a gradient":
        weights = weights.clone().requires_grad_()
    elif kind == "fractions":
        values = values.float()
    else:
        more["stride_per_key_per_rank"] = [[SAMPLES]] * 5 + [[SAMPLES - 1]]
        values, lengths = values[: int(lengths[:-1].sum())], lengths[:-1]
    try:
        tables(KeyedJaggedTensor(given.keys(), values, weights=weights, lengths=lengths, **more))
    except ValueError as error:
        return str(error)
    return ""


def constants(text: str) -> list[float]:
    """On one of the ranks: the least and most of weights of several starts."""
    view = view_plan(parse_plan(text, "plan.json"))
    found = []
    for given in (
        {"init_fn": partial(torch.nn.init.constant_, val=0.5)},
        {"weight_init_min": 2.0, "weight_init_max": 3.0},
        {"init_fn": partial(torch.nn.init.trunc_normal_, mean=1.0, std=5.0, a=0.5, b=2.0)},
    ):
        model = model_of(ModelCase(), **given)
        tables = shard_tables(view, mesh_of(2), OptimizerSettings("sgd"), model=model)
        fields = [each["weight"] for _, _, each in contents(tables["sparse.ebc"])]
        found += [min(float(f.min()) for f in fields), max(float(f.max()) for f in fields)]
    return found


def drawn(initial: Any, cut: bool) -> Any:
    """A table of 1,000 rows of 16 columns as it begins, whole or from four parts."""
    view = view_plan(parse_plan(plan_text(ModelCase()), "plan.json"))
    table = replace(view.tables[0], rows=1000, dim=16, initial=initial)
    whole = torch.empty(1000, 16)
    parts = [(r, c, 500, 8) for r in (0, 500) for c in (0, 8)] if cut else [(0, 0, 1000, 16)]
    for row, column, rows, columns in parts:
        piece = whole[row : row + rows, column : column + columns]
        fill_initial(piece, table, PlannedShard(0, row, column, rows, columns), 0)
    return whole
