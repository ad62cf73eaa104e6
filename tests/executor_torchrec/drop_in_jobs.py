"""What the ranks of a test do with a planner that stands where TorchRec's stood."""

from __future__ import annotations

import sys
import types
import warnings
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from fbgemm_gpu.split_embedding_configs import EmbOptimType
from torch import nn
from torchrec.distributed.embedding import EmbeddingCollectionSharder
from torchrec.distributed.embeddingbag import EmbeddingBagCollectionSharder
from torchrec.distributed.model_parallel import DistributedModelParallel
from torchrec.distributed.planner import EmbeddingShardingPlanner, Topology
from torchrec.distributed.planner.types import ParameterConstraints
from torchrec.models.deepfm import SimpleDeepFMNN
from torchrec.models.dlrm import DLRM
from torchrec.modules.embedding_configs import (
    DataType,
    EmbeddingBagConfig,
    EmbeddingConfig,
    PoolingType,
)
from torchrec.modules.embedding_modules import EmbeddingBagCollection, EmbeddingCollection
from torchrec.optim.optimizers import in_backward_optimizer_filter
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor
from torchrec_jobs import RATE, SAMPLES, STEPS, _fill, _pieces

from shardplan.errors import ShardplanError
from shardplan.torchrec import Planner

if TYPE_CHECKING:
    from collections.abc import Sequence

BATCH = 512
LONGEST = 4
"""Ids of a sample and feature, at most."""


def bags(rows: Sequence[int], dims: Sequence[int], prefix: str, device: str, **more: Any) -> Any:
    """A collection of tables ``prefix_t0``, ..., each read by one feature; some by two."""
    pooling = more.pop("pooling", PoolingType.SUM)
    dtype = more.pop("dtype", DataType.FP32)
    twice = more.pop("twice", ())
    tables = [
        EmbeddingBagConfig(
            name=f"{prefix}_t{index}",
            num_embeddings=count,
            embedding_dim=dim,
            feature_names=[
                f"{prefix}_f{index}",
                *([f"{prefix}_g{index}"] if index in twice else []),
            ],
            pooling=pooling,
            data_type=dtype,
        )
        for index, (count, dim) in enumerate(zip(rows, dims, strict=True))
    ]
    return EmbeddingBagCollection(tables, device=torch.device(device), **more)


def sequences(rows: Sequence[int], dim: int, prefix: str, device: str) -> EmbeddingCollection:
    """A collection that does not pool."""
    tables = [
        EmbeddingConfig(
            name=f"{prefix}_t{index}",
            num_embeddings=count,
            embedding_dim=dim,
            feature_names=[f"{prefix}_f{index}"],
        )
        for index, count in enumerate(rows)
    ]
    return EmbeddingCollection(tables, device=torch.device(device))


class Dlrm(nn.Module):
    """TorchRec's own example of a DLRM."""

    def __init__(self, device: str) -> None:
        super().__init__()
        ebc = bags([4_000, 900, 3_000, 12, 2_500, 40], [16] * 6, "cat", device)
        self.dlrm = DLRM(ebc, dense_in_features=5, dense_arch_layer_sizes=[8, 16],
                         over_arch_layer_sizes=[8, 1])  # fmt: skip

    def forward(self, batch: Batch) -> torch.Tensor:
        return self.dlrm(batch.dense, batch.of("cat"))


class DeepFm(nn.Module):
    """TorchRec's example of a DeepFM."""

    def __init__(self, device: str) -> None:
        super().__init__()
        ebc = bags([3_000, 2_000, 25, 700], [16] * 4, "field", device)
        self.fm = SimpleDeepFMNN(5, ebc, hidden_layer_size=8, deep_fm_dimension=4)

    def forward(self, batch: Batch) -> torch.Tensor:
        return self.fm(batch.dense, batch.of("field"))


class TwoTower(nn.Module):
    """Two collections, one of each tower, after TorchRec's example of retrieval."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.query = bags([5_000, 60], [16, 16], "query", device)
        self.candidate = bags([4_000, 300, 8], [16] * 3, "candidate", device)
        self.projections = nn.ModuleList([nn.Linear(32, 8), nn.Linear(48, 8)])

    def forward(self, batch: Batch) -> torch.Tensor:
        found = [self.query(batch.of("query")), self.candidate(batch.of("candidate"))]
        sides = [layer(in_order(each)) for layer, each in zip(self.projections, found, strict=True)]
        return (sides[0] * sides[1]).sum(dim=1, keepdim=True)


class Din(nn.Module):
    """Bags beside sequences, in the paths of a public job after Alibaba's DIN."""

    def __init__(self, device: str) -> None:
        super().__init__()
        self.group = nn.ModuleDict({"base": nn.Module(), "seq": nn.Module()})
        self.group["base"].ebc = bags([2_000, 900, 12], [16] * 3, "base", device)
        self.group["seq"].ec = sequences([2_500, 800], 16, "click", device)
        self.over = nn.Linear(64, 1)

    def forward(self, batch: Batch) -> torch.Tensor:
        ebc, ec = self.group["base"].ebc, self.group["seq"].ec
        pooled, rows = in_order(ebc(batch.of("base"))), ec(batch.of("click"))
        history = sum(rows[name].values().mean(0) for name in sorted(rows.keys()))
        return self.over(torch.cat([pooled, history.expand(len(pooled), -1)], dim=1))


class EveryKind(nn.Module):
    """Forty tables of every kind: weighted bags in fp16, means, and sequences."""

    def __init__(self, device: str) -> None:
        super().__init__()
        rows = [
            4_000,
            2_500,
            1_000,
            800,
            500,
            300,
            200,
            100,
            50,
            30,
            20,
            18,
            16,
            14,
            12,
            10,
            9,
            8,
            7,
            6,
        ]
        dims = [128, 128, 64, 64, 64, 64, 32, 32, 32, 32, 16, 16, 16, 16, 16, 8, 8, 8, 8, 8]
        dtype = DataType.FP32 if device == "cpu" else DataType.FP16  # PyTorch weighs fp32 alone
        self.user = bags(rows, dims, "user", device, dtype=dtype, is_weighted=True,
                         twice=(0, 2))  # fmt: skip
        self.item = bags(rows[:16], dims[:16], "item", device, pooling=PoolingType.MEAN,
                         twice=(0, 2))  # fmt: skip
        self.seq = sequences([2_000, 1_000, 50, 10], 64, "hist", device)

    def forward(self, batch: Batch) -> torch.Tensor:
        user, item = self.user(batch.of("user")), self.item(batch.of("item"))
        seq = self.seq(batch.of("hist"))
        history = sum(seq[name].values().mean() for name in sorted(seq.keys()))
        both = in_order(user).float().sum(1) + in_order(item).sum(1)
        return (both + history).unsqueeze(1)


MODELS = {each.__name__: each for each in (Dlrm, DeepFm, TwoTower, Din, EveryKind)}


class Batch:
    """The dense features and the ids of a rank's samples, any collection's for itself."""

    def __init__(self, whole: nn.Module, step: int, rank: int) -> None:
        self._seed = 1000 * step + rank
        self._of_feature = {
            feature: config.num_embeddings
            for module in collections(whole)
            for config in configs(module)
            for feature in config.feature_names
        }
        self._weighted = {
            feature
            for module in whole.modules()
            if isinstance(module, EmbeddingBagCollection) and module.is_weighted()
            for config in configs(module)
            for feature in config.feature_names
        }
        self.dense = torch.randn(SAMPLES, 5, generator=self._random())

    def of(self, prefix: str) -> KeyedJaggedTensor:
        """What the collection reads whose features begin so."""
        keys = [name for name in self._of_feature if name.startswith(f"{prefix}_")]
        ids, lengths = [], []
        for key in keys:
            generator = self._random(key)
            count = torch.randint(1, LONGEST + 1, (SAMPLES,), generator=generator)
            rows = self._of_feature[key]
            ids.append(torch.randint(0, rows, (int(count.sum()),), generator=generator))
            lengths.append(count)
        values = torch.cat(ids)
        weights = None
        if keys[0] in self._weighted:
            weights = torch.rand(len(values), generator=self._random("weights"))
        return KeyedJaggedTensor(keys, values, weights, torch.cat(lengths))

    def _random(self, key: str = "") -> torch.Generator:
        return torch.Generator().manual_seed(self._seed + sum(map(ord, key)) * 7919)


def collections(model: nn.Module) -> list[Any]:
    kinds = EmbeddingBagCollection | EmbeddingCollection
    return [module for module in model.modules() if isinstance(module, kinds)]


def configs(collection: Any) -> list[Any]:
    if hasattr(collection, "embedding_bag_configs"):
        return list(collection.embedding_bag_configs())
    return list(collection.embedding_configs())


def in_order(found: Any) -> torch.Tensor:
    """(samples, columns): a pooled output in the order of its features' names."""
    parts = found.to_dict()
    return torch.cat([parts[name] for name in sorted(parts)], dim=1)


def topology() -> Topology:
    return Topology(dist.get_world_size(), "cpu", created_by_factory=True)


def job_sharders() -> list[Any]:
    fused = {"optimizer": EmbOptimType.EXACT_SGD, "learning_rate": RATE}
    return [EmbeddingBagCollectionSharder(fused), EmbeddingCollectionSharder(fused)]


def planner_of(kind: str, model: nn.Module) -> Any:
    """``torchrec``: its own; ``drop-in``: told the same; ``spec``: told a spec of the model."""
    constraints = None
    if isinstance(model, Din | EveryKind) and kind == "torchrec":
        # On CPU its dense kernel pools rows that are not to be pooled, and cut means are divided
        # twice: TorchRec's planner has to be told.
        names = [config.name for module in collections(model) for config in configs(module)]
        constraints = {name: ParameterConstraints(sharding_types=["table_wise"]) for name in names}
    planner = EmbeddingShardingPlanner if kind == "torchrec" else Planner
    return planner(topology=topology(), batch_size=BATCH, constraints=constraints, stats=[])


def train_with(kind: str, name: str) -> tuple[float, float, dict[str, str]]:
    """(loss, weights): the largest differences from the unsharded model after all steps.

    And the sharding type of each table.
    """
    warnings.simplefilter("ignore")
    model_class = MODELS[name]
    whole = model_class("cpu")
    _fill(whole)
    meta, sharders = model_class("meta"), job_sharders()
    plan = planner_of(kind, meta).collective_plan(meta, sharders, dist.group.WORLD)
    sharded = DistributedModelParallel(
        meta, device=torch.device("cpu"), plan=plan, sharders=sharders
    )
    start = whole.state_dict()
    with torch.no_grad():
        for key, piece, where in _pieces(sharded):
            piece.copy_(start[key][where])
    plain = torch.optim.SGD(
        dict(in_backward_optimizer_filter(sharded.named_parameters())).values(), lr=RATE
    )
    reference = torch.optim.SGD(whole.parameters(), lr=RATE)
    worst = 0.0
    for step in range(STEPS):
        mine = sharded(Batch(whole, step, dist.get_rank())).tanh().square().mean()
        plain.zero_grad()
        mine.backward()
        plain.step()
        ranks = range(dist.get_world_size())
        losses = [whole(Batch(whole, step, rank)).tanh().square().mean() for rank in ranks]
        reference.zero_grad()
        (sum(losses) / len(losses)).backward()
        reference.step()
        worst = max(
            worst, float((mine - losses[dist.get_rank()]).abs() / losses[dist.get_rank()].abs())
        )
    end = whole.state_dict()
    weights = max(
        float((piece.float() - end[key][where].float()).abs().max())
        for key, piece, where in _pieces(sharded)
    )
    types = {
        f"{path}/{table}": each.sharding_type
        for path, m in plan.plan.items()
        for table, each in m.items()
    }
    return worst, weights, types


def plans_of_all_ranks() -> tuple[str, str]:
    """The plan, as text, and the digest of shardplan's plan file."""
    planner = planner_of("drop-in", meta := Dlrm("meta"))
    return str(planner.collective_plan(meta, job_sharders())), planner.made.inputs.spec_sha256


def refusal_of_all_ranks() -> str:
    """What every rank raises where rank 0 finds that no plan can exist."""
    small = Topology(dist.get_world_size(), "cpu", ddr_cap=1000, created_by_factory=True)
    try:
        Planner(topology=small, batch_size=BATCH, storage_reservation=nothing()).collective_plan(
            Dlrm("meta"), job_sharders()
        )
    except ShardplanError as error:
        return str(error)
    return ""


def nothing() -> Any:
    from torchrec.distributed.planner.storage_reservations import FixedPercentageStorageReservation

    return FixedPercentageStorageReservation(0.0)


def run_program(program: str) -> dict[str, int]:
    """Run a job's program on the model of forty tables; by module, how many tables are sharded.

    And once forward and backward.
    """
    warnings.simplefilter("ignore")
    module = types.ModuleType("my_package.model")
    module.make_model = lambda: EveryKind("meta")  # type: ignore[attr-defined]
    sys.modules |= {"my_package": types.ModuleType("my_package"), "my_package.model": module}
    scope: dict[str, Any] = {}
    exec(program, scope)
    model, whole = scope["model"], EveryKind("meta")
    model(Batch(whole, 0, dist.get_rank())).tanh().mean().backward()
    return {path: len(tables) for path, tables in model.plan.plan.items()}
