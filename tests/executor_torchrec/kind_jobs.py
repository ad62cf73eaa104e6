"""What the ranks of a test do with modules of every kind, under TorchRec."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import nn
from torchrec.distributed.train_pipeline import TrainPipelineSparseDist
from torchrec.modules.embedding_configs import EmbeddingBagConfig, EmbeddingConfig, PoolingType
from torchrec.modules.embedding_modules import EmbeddingBagCollection, EmbeddingCollection
from torchrec.modules.feature_processor_ import (
    FeatureProcessorsCollection,
    PositionWeightedModuleCollection,
)
from torchrec.modules.fp_embedding_modules import FeatureProcessedEmbeddingBagCollection
from torchrec.optim.optimizers import in_backward_optimizer_filter
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor
from torchrec_jobs import EPS, RATE, SAMPLES, STEPS, PipedBatch, _fill, _Optimizer, _pieces

from shardplan.errors import InputError
from shardplan.executor.tensors.tensor import DTYPES
from shardplan.executor.torchrec import shard
from shardplan.workload.collection import CollectionKind
from shardplan.workload.dtype import Dtype

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from shardplan.plan.file.plan import Plan

LONGEST = 5
"""Ids of a sample and feature, at most."""


class Model(nn.Module):
    """Modules at their paths; every one of them gets the same batch, or its own part of it."""

    def __init__(
        self, paths: Collection[str], own_samples: Mapping[str, int] | None = None
    ) -> None:
        super().__init__()
        self._paths = tuple(paths)
        self._own_samples = own_samples or {}

    def forward(self, batch: Any) -> dict[str, Any]:
        """By module and name, the (samples or ids, dim) outputs."""
        found = {}
        for path in self._paths:
            own = self._own_samples.get(path)
            given = batch if own is None else _first_samples(batch, own)
            output = self.get_submodule(path)(given)
            output = output[0] if isinstance(output, tuple) else output
            named = output.to_dict() if hasattr(output, "to_dict") else output
            for name, each in named.items():
                found[f"{path}/{name}"] = each if isinstance(each, torch.Tensor) else each.values()
        return found


def _first_samples(batch: Any, count: int) -> Any:
    """The first samples alone, of all features."""
    parts = [(each.lengths()[:count], each.values()) for each in batch.to_dict().values()]
    ids = torch.cat([values[: int(lengths.sum())] for lengths, values in parts])
    return KeyedJaggedTensor(batch.keys(), ids, lengths=torch.cat([each for each, _ in parts]))


def model_of(plan: Plan, device: str = "meta", means: Collection[str] = ()) -> nn.Module:
    """Modules of the kinds that the plan says, at their paths, with its tables.

    ``means`` are the tables that average, each as ``module/name``.
    """
    shares = {path: plan.collection_of(path).batch_share for path in plan.plan}
    own = {path: round(share * SAMPLES) for path, share in shares.items() if share != 1}
    root = Model(plan.plan, own)
    for path in plan.plan:
        *parents, last = path.split(".")
        at = root
        for name in parents:
            if not hasattr(at, name):
                setattr(at, name, nn.Module())
            at = getattr(at, name)
        setattr(at, last, _module(plan, path, torch.device(device), means))
    return root


def _module(plan: Plan, path: str, device: Any, means: Collection[str]) -> nn.Module:
    tables = [table for table in plan.tables if table.module == path]
    collection = plan.collection_of(path)
    shapes = [
        {
            "name": table.name,
            "num_embeddings": table.rows,
            "embedding_dim": table.dim,
            "feature_names": list(table.features),
        }
        for table in tables
    ]
    if not collection.is_pooled:
        return EmbeddingCollection([EmbeddingConfig(**each) for each in shapes], device=device)
    pooling = {True: PoolingType.MEAN, False: PoolingType.SUM}
    configs = [
        EmbeddingBagConfig(**each, pooling=pooling[f"{path}/{each['name']}" in means])
        for each in shapes
    ]
    if collection.kind is CollectionKind.BAG:
        return EmbeddingBagCollection(configs, device=device)
    features = dict.fromkeys((f for table in tables for f in table.features), LONGEST)
    return FeatureProcessedEmbeddingBagCollection(
        EmbeddingBagCollection(configs, device=device, is_weighted=True),
        PositionWeightedModuleCollection(features, device=torch.device("cpu")),
    )


def batch_of(plan: Plan, step: int, rank: int) -> Any:
    """All features, in another order in each step; ids come again, and some samples have none."""
    random = torch.Generator().manual_seed(1000 * step + rank)
    rows: dict[str, int] = {}
    for table in plan.tables:
        for feature in table.features:
            rows[feature] = min(table.rows, rows.get(feature, table.rows))
    keys = list(rows) if step % 2 else list(reversed(rows))
    lengths, ids = [], []
    for key in keys:
        count = torch.randint(0, LONGEST, (SAMPLES,), generator=random)
        of_key = torch.randint(0, rows[key], (int(count.sum()),), generator=random)
        hot = torch.randint(0, 3, of_key.shape, generator=random) == 0
        ids.append(torch.where(hot, 0, of_key))
        lengths.append(count)
    return KeyedJaggedTensor(keys, torch.cat(ids), lengths=torch.cat(lengths))


def requests_of(plan: Plan, step: int, rank: int) -> tuple[Any, Any]:
    """The same batch twice: features by requests of which several samples share one, where the plan
    says so, and all of them by samples. Features keep their order."""
    random = torch.Generator().manual_seed(7 + 1000 * step + rank)
    sizes, rows = dict[str, int](), dict[str, int]()
    for table in plan.tables:
        shares = table.batch_shares or (1.0,) * len(table.features)
        for feature, share in zip(table.features, shares, strict=True):
            sizes[feature] = round(share * SAMPLES)
            rows[feature] = min(table.rows, rows.get(feature, table.rows))
    keys, of_requests, of_samples, whose = list(sizes), [], [], []
    for key in keys:
        lengths = torch.randint(0, LONGEST, (sizes[key],), generator=random)
        ids = torch.randint(0, rows[key], (int(lengths.sum()),), generator=random)
        request = torch.arange(SAMPLES) % sizes[key]
        parts = ids.split(lengths.tolist())
        of_requests.append((ids, lengths))
        of_samples.append((torch.cat([parts[at] for at in request.tolist()]), lengths[request]))
        whose.append(request)
    grouped, expanded = (
        {"values": torch.cat([ids for ids, _ in of]), "lengths": torch.cat([n for _, n in of])}
        for of in (of_requests, of_samples)
    )
    given = KeyedJaggedTensor(
        keys,
        **grouped,
        stride_per_key_per_rank=[[sizes[key]] for key in keys],
        inverse_indices=(keys, torch.stack(whose)),
    )
    return given, KeyedJaggedTensor(keys, **expanded)


def _batches(plan: Plan, step: int, rank: int) -> tuple[Any, Any]:
    """What the sharded model gets, and what the unsharded one does."""
    if any(table.batch_shares for table in plan.tables):
        return requests_of(plan, step, rank)
    return (batch_of(plan, step, rank),) * 2


def _loss(outputs: dict[str, Any], step: int, plan: Plan) -> Any:
    """Of rows in their order, so that one out of place is another loss.

    Of outputs in a narrow format it is linear, by factors that the format has: then gradients are
    exact in it, and weights are to be the unsharded model's as nearly as others.
    """
    total: Any = 0.0
    for name in sorted(outputs):
        random = torch.Generator().manual_seed(step + sum(map(ord, name)))
        shape = outputs[name].shape
        if _format_of(plan, name) is torch.float32:
            factors = torch.randn(shape, generator=random)
            total = total + ((outputs[name] * factors).sum(1) ** 2).sum() / 64
        else:
            factors = torch.randint(-8, 9, shape, generator=random) / 64
            total = total + (outputs[name].float() * factors).sum()
    return total


def _format_of(plan: Plan, name: str) -> Any:
    """Of an output by module and name."""
    return DTYPES[plan.collection_of(name.rpartition("/")[0]).output_dtype]


def _off(plan: Plan, name: str, found: Any, expected: Any, most: float) -> float:
    """How far an output is from the unsharded one, beyond what its format cannot tell.

    Each rank rounds what it has of a sum of ids whose rows hold no more than ``most``, and so does
    each addition of two ranks' parts.
    """
    dtype = _format_of(plan, name)
    assert found.dtype is dtype, name
    rounded = 0.0
    if dtype is not torch.float32:
        rounded = torch.finfo(dtype).eps / 2 * 2 * dist.get_world_size() * LONGEST * most
    difference = (found.float() - expected).abs() - rounded
    return max([0.0, *difference.flatten().tolist()])


def _lost(plan: Plan, key: str, means: Collection[str]) -> float:
    """By how much weights may be off by the format of outputs.

    Of means over tables whose rows are cut TorchRec's sums are divided, and so are the gradients,
    which have that format too: each is rounded once more than the unsharded model's.
    """
    for path, _, name in (each.rpartition("/") for each in means):
        is_cut = plan.plan[path][name].sharding_type.cuts_rows
        dtype = plan.collection_of(path).output_dtype
        if key == f"{path}.embedding_bags.{name}.weight" and is_cut and dtype is not Dtype.FP32:
            return torch.finfo(torch.float16).eps * RATE * STEPS
    return 0.0


def train_beside_unsharded(
    plan: Plan, optimizer: str, means: Collection[str] = ()
) -> tuple[float, float, float]:
    """The largest differences from the unsharded model: of outputs, of weights, of other layers."""
    whole = model_of(plan, "cpu", means)
    _fill(whole)
    model = model_of(plan, "meta", means)
    start = whole.state_dict()
    sharded = shard(model, plan, learning_rate=RATE, fused_params={"eps": EPS}, device="cpu")
    for key, piece, where in _pieces(sharded):
        piece.copy_(start[key][where])
    plain = dict(in_backward_optimizer_filter(sharded.named_parameters()))
    own, reference = _Optimizer(optimizer, plain), _Optimizer(optimizer, whole.named_parameters())
    worst, ranks = 0.0, dist.get_world_size()
    for step in range(STEPS):
        most = max(float(weight.detach().abs().max()) for weight in whole.parameters())
        batches = [_batches(plan, step, rank) for rank in range(ranks)]
        found = sharded(batches[dist.get_rank()][0])
        _loss(found, step, plan).backward()
        own.step()
        expected = [whole(expanded) for _, expanded in batches]
        (sum(_loss(each, step, plan) for each in expected) / ranks).backward()
        reference.step()
        mine = expected[dist.get_rank()]
        assert set(mine) == set(found)
        for name, output in mine.items():
            worst = max(worst, _off(plan, name, found[name], output, most))
    end = whole.state_dict()
    off = {"tables": 0.0, "layers": 0.0}
    for key, piece, where in _pieces(sharded):
        kind = "tables" if piece.dim() == 2 else "layers"
        difference = (piece - end[key][where]).abs() - _lost(plan, key, means)
        off[kind] = max([off[kind], *difference.flatten().tolist()])
    return worst, off["tables"], off["layers"]


def refusals(plan: Plan) -> list[str]:
    """The faults of a plan, for the model that it was made for."""
    return refusals_of(plan, plan)


def refusals_of(plan: Plan, model: Plan) -> list[str]:
    """The faults of a plan, for the model of another one."""
    try:
        shard(model_of(model), plan, learning_rate=RATE, device="cpu")
    except InputError as error:
        return [f"{each.path}: {each.message}" for each in error.diagnostics]
    return []


class Summed(nn.Module):
    """The same modules, and a loss that pipelines can trace."""

    def __init__(self, plan: Plan, device: str) -> None:
        super().__init__()
        self.modules_of_tables = model_of(plan, device)
        self._pooled = {path: plan.collection_of(path).is_pooled for path in plan.plan}
        self._features = {
            path: [f for t in plan.tables if t.module == path for f in t.features]
            for path in plan.plan
        }

    def forward(self, batch: PipedBatch) -> Any:
        """The loss, and all outputs in one row."""
        parts = []
        for path, is_pooled in self._pooled.items():
            output = self.modules_of_tables.get_submodule(path)(batch.features)
            for feature in self._features[path]:
                rows = output[feature] if is_pooled else output[feature].values()
                parts.append(rows.reshape(-1))
        values = torch.cat(parts)
        return values.square().sum() / 100, values


def pipe_beside_unsharded(plan: Plan) -> float:
    """The largest difference of outputs, of batches whose ids are sent ahead."""
    whole = Summed(plan, "cpu")
    _fill(whole)
    sharded = shard(Summed(plan, "meta"), with_prefix(plan), learning_rate=RATE, device="cpu")
    start = whole.state_dict()
    for key, piece, where in _pieces(sharded):
        piece.copy_(start[key][where])
    plain = dict(in_backward_optimizer_filter(sharded.named_parameters()))
    optimizer = torch.optim.SGD(plain.values(), lr=RATE)
    cpu = torch.device("cpu")
    pipeline = TrainPipelineSparseDist(sharded, optimizer, cpu, execute_all_batches=True)
    ranks, worst = range(dist.get_world_size()), 0.0
    batches = iter([PipedBatch(batch_of(plan, 2 * s, dist.get_rank())) for s in range(3)])
    for step in range(3):
        found = pipeline.progress(batches)
        expected = [whole(PipedBatch(batch_of(plan, 2 * step, rank))) for rank in ranks]
        worst = max(worst, float((found - expected[dist.get_rank()][1]).abs().max()))
        (sum(loss for loss, _ in expected) / len(ranks)).backward()
        with torch.no_grad():
            for weight in whole.parameters():
                weight -= RATE * weight.grad
                weight.grad = None
    return worst


def with_prefix(plan: Plan) -> Plan:
    """The plan of a model that has the same modules one level down."""
    added = "modules_of_tables."
    moved = {f"{added}{path}": entries for path, entries in plan.plan.items()}
    tables = [t.model_copy(update={"module": f"{added}{t.module}"}) for t in plan.tables]
    kinds = {f"{added}{path}": facts for path, facts in (plan.modules or {}).items()}
    return plan.model_copy(
        update={"plan": moved, "tables": tuple(tables), "modules": kinds, "resolved": None}
    )


class OurProcessors(FeatureProcessorsCollection):
    """A job's own, whose weights nothing gives values."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(3, device=torch.device("meta")))

    def forward(self, features: Any) -> Any:
        return features


def refusals_of_processors(plan: Plan) -> list[str]:
    """The faults of a model whose first module has processors of the job's own."""
    model, path = model_of(plan), next(iter(plan.plan))
    inside = model.get_submodule(path).get_submodule("_embedding_bag_collection")
    setattr(model, path, FeatureProcessedEmbeddingBagCollection(inside, OurProcessors()))
    try:
        shard(model, plan, learning_rate=RATE, device="cpu")
    except InputError as error:
        return [f"{each.path}: {each.message}" for each in error.diagnostics]
    return []
