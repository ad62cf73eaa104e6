"""What the ranks of a test do with TorchRec: each function runs on every rank of a crew.

What TorchRec has made of a plan can only be seen in its private members.
"""

# ruff: noqa: SLF001

from __future__ import annotations

import os
import resource
import tempfile
import warnings
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any
from unittest import mock

import torch
import torch.distributed as dist
from torch import nn
from torchrec.distributed import batched_embedding_kernel, comm, embedding_lookup
from torchrec.distributed.model_parallel import DistributedModelParallel
from torchrec.distributed.train_pipeline import TrainPipelineSparseDist
from torchrec.modules.embedding_configs import EmbeddingBagConfig, EmbeddingConfig, PoolingType
from torchrec.modules.embedding_modules import EmbeddingBagCollection, EmbeddingCollection
from torchrec.modules.feature_processor_ import PositionWeightedModuleCollection
from torchrec.modules.fp_embedding_modules import FeatureProcessedEmbeddingBagCollection
from torchrec.modules.fused_embedding_modules import FusedEmbeddingBagCollection
from torchrec.optim.optimizers import in_backward_optimizer_filter
from torchrec.sparse.jagged_tensor import KeyedJaggedTensor
from torchrec.streamable import Pipelineable
from torchrec.types import DataType

from shardplan.errors import InputError
from shardplan.executor.torchrec import shard, sharding_plan
from shardplan.executor.torchrec.request import ShardRequest
from shardplan.executor.torchrec.training import sharders
from shardplan.executor.torchrec.whole import whole_modules
from shardplan.executor.torchrec.wrap import faults

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from shardplan.plan.file.plan import Plan

SAMPLES, STEPS, RATE, EPS = 6, 5, 0.05, 1e-8


def model_of(plan: Plan, device: str = "meta", means: Collection[str] = ()) -> nn.Module:
    """Modules as the plan names them, of EmbeddingBagCollections with its tables.

    ``means`` are the tables that average.
    """
    root = nn.Module()
    for path in plan.plan:
        tables = [
            EmbeddingBagConfig(
                name=table.name,
                num_embeddings=table.rows,
                embedding_dim=table.dim,
                feature_names=list(table.features),
                data_type=DataType(table.dtype.upper()),
                pooling=PoolingType.MEAN if table.name in means else PoolingType.SUM,
            )
            for table in plan.tables
            if table.module == path
        ]
        *parents, last = path.split(".")
        at = root
        for name in parents:
            if not hasattr(at, name):
                setattr(at, name, nn.Module())
            at = getattr(at, name)
        setattr(at, last, EmbeddingBagCollection(tables, device=torch.device(device)))
    return root


def train_beside_unsharded(
    plan: Plan, optimizer: str, means: Collection[str] = (), **options: Any
) -> tuple[float, float, str]:
    """(outputs, weights): the largest differences from the unsharded model, within all steps.

    And a digest of the bits of this rank's weights.
    """
    whole = model_of(plan, "cpu", means)
    _fill(whole)
    sharded = shard(
        model_of(plan, "meta", means),
        plan,
        learning_rate=RATE,
        fused_params={"eps": EPS},
        device="cpu",
        **options,
    )
    start = whole.state_dict()
    for key, piece, where in _pieces(sharded):
        piece.copy_(start[key][where])
    plain = dict(in_backward_optimizer_filter(sharded.named_parameters()))
    own, reference = _Optimizer(optimizer, plain), _Optimizer(optimizer, whole.named_parameters())
    outputs = 0.0
    for step in range(STEPS):
        found = _outputs(sharded.module, plan, step, dist.get_rank())
        _loss(found, step).backward()
        own.step()
        ranks = range(dist.get_world_size())
        expected = [_outputs(whole, plan, step, rank) for rank in ranks]
        (sum(_loss(each, step) for each in expected) / len(ranks)).backward()
        reference.step()
        outputs = max(outputs, (found - expected[dist.get_rank()]).abs().max().item())
    end = whole.state_dict()
    weights = [(piece - end[key][where]).abs().max() for key, piece, where in _pieces(sharded)]
    assert all((end[key] != start_of).any() for key, start_of in _filled(plan).items())
    bits = sha256(
        b"".join(piece.contiguous().numpy().tobytes() for _, piece, _ in _pieces(sharded))
    )
    return outputs, max((each.item() for each in weights), default=0.0), bits.hexdigest()


@dataclass
class PipedBatch(Pipelineable):
    """What TorchRec's pipelines move."""

    features: Any

    def to(self, device: Any, non_blocking: bool = False) -> PipedBatch:
        return PipedBatch(self.features.to(device, non_blocking))

    def record_stream(self, stream: Any) -> None:
        """There are none on a CPU."""


class Summed(nn.Module):
    """A collection, and a loss that pipelines can trace."""

    def __init__(self, plan: Plan, device: str, means: Collection[str]) -> None:
        super().__init__()
        self.sparse = model_of(plan, device, means).sparse
        self._features = [f for table in plan.tables for f in table.features]

    def forward(self, batch: PipedBatch) -> Any:
        pooled = self.sparse.ebc(batch.features)
        values = torch.cat([pooled[name] for name in self._features], dim=1)
        return values.square().mean(), values


def pipe_beside_unsharded(plan: Plan, means: Collection[str]) -> float:
    """The largest difference of outputs, of batches whose ids are sent ahead."""
    whole = Summed(plan, "cpu", means)
    _fill(whole)
    sharded = shard(Summed(plan, "meta", means), plan, learning_rate=RATE, device="cpu")
    start = whole.state_dict()
    for key, piece, where in _pieces(sharded):
        piece.copy_(start[key][where])
    pipeline = TrainPipelineSparseDist(
        sharded, mock.Mock(), torch.device("cpu"), execute_all_batches=True
    )
    batches = iter([PipedBatch(_batch(plan.tables, 10 * s + dist.get_rank())) for s in range(3)])
    worst = 0.0
    for step in range(3):
        found = pipeline.progress(batches)
        ranks = range(dist.get_world_size())
        expected = [whole(PipedBatch(_batch(plan.tables, 10 * step + rank))) for rank in ranks]
        worst = max(worst, float((found - expected[dist.get_rank()][1]).abs().max()))
        (sum(loss for loss, _ in expected) / len(ranks)).backward()
        with torch.no_grad():
            for weight in whole.parameters():
                weight -= RATE * weight.grad
                weight.grad = None
    return worst


def refusal(plans: list[Plan | str], model: Plan, make_on: str = "meta") -> str:
    """What ``shard`` raises, of each rank's own plan or file, for the model of another plan."""
    mine = plans[dist.get_rank()]
    try:
        shard(model_of(model, make_on), mine, learning_rate=RATE, device="cpu")
    except InputError as error:
        return str(error)
    return ""


class OurBags(EmbeddingBagCollection):
    """Derived: TorchRec's sharder would not know it."""


def with_every_kind(plan: Plan) -> nn.Module:
    """The plan's model, and beside its tables one sparse module of every other kind."""
    model, meta = model_of(plan), torch.device("meta")

    def bags(name: str, kind: Any = EmbeddingBagCollection, **more: Any) -> Any:
        return kind([EmbeddingBagConfig(8, 16, name, feature_names=[name])], device=meta, **more)

    model.sequences = EmbeddingCollection(
        [EmbeddingConfig(8, 16, "s", feature_names=["s"])], device=meta
    )
    model.processed = FeatureProcessedEmbeddingBagCollection(
        bags("p", is_weighted=True), PositionWeightedModuleCollection({"p": 5}, device=meta)
    )
    model.derived = bags("d", OurBags)
    model.fused = FusedEmbeddingBagCollection(
        [EmbeddingBagConfig(8, 16, "f", feature_names=["f"])],
        torch.optim.SGD,
        {"lr": 0.1},
        device=torch.device("cpu"),
    )
    model.plain = nn.EmbeddingBag(9, 4, sparse=True)
    model.unplanned = bags("u")
    model.twin = model.get_submodule(next(iter(plan.plan)))
    return model


def refusal_of_every_kind(plan: Plan) -> list[str]:
    """The faults of a model that has them all."""
    try:
        shard(with_every_kind(plan), plan, learning_rate=RATE, device="cpu")
    except InputError as error:
        return [f"{each.path}: {each.message}" for each in error.diagnostics]
    return []


def refusal_of_layers(plan: Plan) -> list[str]:
    """The faults of a model whose layers are on the meta device."""
    model, meta = model_of(plan), {"device": torch.device("meta")}
    model.fine = nn.Sequential(nn.Linear(4, 4, **meta), nn.BatchNorm1d(4, **meta))
    model.attention = nn.MultiheadAttention(4, 1, bias=False, **meta)
    model.norm = nn.BatchNorm1d(4, affine=False, **meta)
    model.one, model.other = nn.Linear(4, 4, False, **meta), nn.Linear(4, 4, False, **meta)
    model.other.weight = model.one.weight
    model.lazy = nn.LazyLinear(4, bias=False)
    return _faults_of(model, plan)


def refusal_of_settings(plan: Plan, given: dict[str, Any]) -> list[str]:
    """What is refused of the settings that a job has for FBGEMM's optimizer."""
    return _faults_of(model_of(plan), plan, fused_params=given)


def refusal_of_starts(plan: Plan, name: str) -> list[str]:
    """What is refused of tables that begin by a function of ``torch.nn.init``."""
    model = model_of(plan)
    for path in plan.plan:
        for config in model.get_submodule(path).embedding_bag_configs():
            config.init_fn = getattr(nn.init, name)
    return _faults_of(model, plan)


def _faults_of(model: nn.Module, plan: Plan, **options: Any) -> list[str]:
    try:
        shard(model, plan, learning_rate=RATE, device="cpu", **options)
    except InputError as error:
        return [f"{each.path}: {each.message}" for each in error.diagnostics]
    return []


def spread_of_starts(plan: Plan, name: str) -> dict[str, float]:
    """Of each table's part on this rank, the standard deviation of the weights it begins with."""
    model = model_of(plan)
    for path in plan.plan:
        for config in model.get_submodule(path).embedding_bag_configs():
            config.init_fn = getattr(nn.init, name)
    sharded = shard(model, plan, learning_rate=RATE, device="cpu")
    return {key.split(".")[-2]: float(piece.std()) for key, piece, _ in _pieces(sharded)}


def told_of_batches(plan: Plan, kind: str) -> str | float:
    """What is raised for a batch, or by how much outputs differ from the unsharded module's."""
    (path,) = plan.plan
    whole = model_of(plan, "cpu")
    _fill(whole)
    model = model_of(plan)
    for each in (whole, model):
        each.get_submodule(path)._is_weighted = kind in ("no weights", "wants a gradient")
    sharded = shard(model, plan, learning_rate=RATE, device="cpu")
    start = whole.state_dict()
    for key, piece, where in _pieces(sharded):
        piece.copy_(start[key][where])
    first, batch = (_batch(list(plan.tables), seed) for seed in (1, 2))
    keys, ids, lengths = batch.keys(), batch.values(), batch.lengths()
    weights = torch.linspace(-1, 1, len(ids))
    if kind == "other order":
        sharded.module.get_submodule(path)(first).wait()
        batch = batch.permute(list(range(len(keys)))[::-1])
    elif kind == "unasked weights":
        batch = KeyedJaggedTensor(keys, ids, weights=weights, lengths=lengths)
    elif kind == "wants a gradient":
        weights.requires_grad_()
        batch = KeyedJaggedTensor(keys, ids, weights=weights, lengths=lengths)
    elif kind == "missing":
        batch = batch.permute(list(range(len(keys)))[1:])
    try:
        found = sharded.module.get_submodule(path)(batch).wait().to_dict()
    except ValueError as error:
        return str(error)
    expected = whole.get_submodule(path)(batch).to_dict()
    return max(float((found[name] - expected[name]).abs().max()) for name in expected)


def left_whole(plan: Plan) -> list[list[str]]:
    """What is found whole in the wrapped model: as ``shard`` makes it, and with more in it."""
    sharded = shard(model_of(plan), plan, learning_rate=RATE, device="cpu")
    found = whole_modules(sharded.module, plan)
    sharded.module.more = EmbeddingCollection([EmbeddingConfig(8, 16, "s", feature_names=["s"])])
    sharded.module.plain = nn.EmbeddingBag(9, 4, sparse=True)
    return [found, whole_modules(sharded.module, plan)]


def translated(plan: Plan, device_type: str) -> dict[str, Any]:
    """TorchRec's parameters of every table, by module and table, as plain values."""
    return {
        (module, name): asdict(table) | {"sharding_spec": _shards(table.sharding_spec)}
        for module, tables in sharding_plan(plan, device_type).plan.items()
        for name, table in tables.items()
    }


def warned(plan: Plan) -> list[str]:
    """What making TorchRec's plan warns of."""
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        sharding_plan(plan)
    return [str(each.message) for each in found]


def warned_of_dense(plan: Plan) -> list[str]:
    """What ``shard`` warns of, for a model with a plain embedding."""
    model = model_of(plan)
    model.position = nn.Embedding(512, 8, device=torch.device("meta"))
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        shard(model, plan, learning_rate=RATE, device="cpu")
    return [str(each.message) for each in found if "not in the plan" in str(each.message)]


class OverSsd(nn.Module):
    """In the place of TorchRec's key-value operator, which no machine without CUDA can build.

    All that TorchRec itself does happens; FBGEMM's part of it is left out.
    """

    def __init__(self, config: Any, *_: Any, **__: Any) -> None:
        super().__init__()
        batched_embedding_kernel._assert_local_cols_divisible_by_4(config)
        self._config = config

    def named_parameters_by_table(self) -> Iterator[Any]:
        yield from ()


def sets_over_ssd(plan: Plan) -> dict[str, int]:
    """By table, the sets of 32 rows that TorchRec's key-value operators of rank 0 cache."""
    found = {}
    with _pretended_rank(0, plan), tempfile.TemporaryDirectory() as folder:
        sharded = _unmaterialised(model_of(plan), plan)
        with mock.patch("tempfile.mkdtemp", return_value=folder):
            for config in _configs(sharded, plan):
                settings = batched_embedding_kernel._populate_ssd_tbe_params(config)
                found |= {table.name: settings["cache_sets"] for table in config.embedding_tables}
    return found


@contextmanager
def _pretended_rank(rank: int, plan: Plan) -> Iterator[None]:
    """One of the plan's ranks, in a process group without any other."""
    from torch.testing._internal.distributed.fake_pg import FakeStore

    if dist.is_initialized():
        dist.destroy_process_group()
    local = plan.local_world_size
    os.environ |= {"LOCAL_WORLD_SIZE": str(local), "LOCAL_RANK": str(rank % local)}
    comm._INTRA_PG = comm._CROSS_PG = None
    dist.init_process_group("fake", store=FakeStore(), rank=rank, world_size=plan.world_size)
    try:
        yield
    finally:
        dist.destroy_process_group()


def _unmaterialised(model: nn.Module, plan: Plan) -> nn.Module:
    device = torch.device("meta")
    with mock.patch.object(embedding_lookup, "KeyValueEmbeddingBag", OverSsd):
        return DistributedModelParallel(
            model,
            device=device,
            plan=sharding_plan(plan, "meta"),
            sharders=sharders(ShardRequest(plan, device, RATE)),
            init_data_parallel=False,
            init_parameters=False,
        )


def _shards(spec: Any) -> list[tuple[list[int], list[int], str]] | None:
    if spec is None:
        return None
    return [
        (list(each.shard_offsets), list(each.shard_sizes), str(each.placement))
        for each in spec.shards
    ]


def operators_of(plan: Plan, as_planned: bool = True) -> list[tuple[tuple[str, ...], float | None]]:
    """The tables and the load factor of each of TorchRec's batched operators on this rank."""
    translated = sharding_plan(plan, "cpu")
    for module in translated.plan.values():
        for table in module.values():
            if not as_planned and table.cache_params:
                table.cache_params.reserved_memory = None
    sharded = DistributedModelParallel(
        model_of(plan),
        device=torch.device("cpu"),
        plan=translated,
        sharders=sharders(ShardRequest(plan, torch.device("cpu"), RATE)),
    )
    return [
        (
            tuple(table.name for table in config.embedding_tables),
            (config.fused_params or {}).get("cache_load_factor"),
        )
        for config in _configs(sharded, plan)
    ]


def growth_bytes(plan: Plan) -> int:
    """By how much the most memory that this process ever had grows when it shards a model."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sharded = shard(model_of(plan), plan, learning_rate=RATE, device="cpu")
    assert sum(piece.numel() for _, piece, _ in _pieces(sharded)) > 0
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def accepted(plans: list[Plan]) -> int:
    """How many ranks TorchRec accepts, in process groups that only pretend to be any."""
    return sum(_accepted(plan) for plan in plans)


def _accepted(plan: Plan) -> int:
    """TorchRec's own acceptance for all ranks, one after the other: how many there are.

    Each rank must hold exactly the elements that the plan gives it.
    """
    for rank in range(plan.world_size):
        with _pretended_rank(rank, plan):
            model = model_of(plan)
            if rank == 0:
                request = ShardRequest(plan, torch.device("meta"), RATE, allow_inexact=True)
                assert faults(model, request) == []
            assert _held(_unmaterialised(model, plan), plan) == _planned(plan, rank)
    return plan.world_size


class _Optimizer:
    """Plain parameters, by the book: w -= rate * g / (sqrt(sum of squares) + eps)."""

    def __init__(self, kind: str, parameters: Any) -> None:
        self._kind = kind
        self._parameters = dict(parameters)
        self._squares = {name: torch.zeros(()) for name in self._parameters}

    @torch.no_grad()
    def step(self) -> None:
        for name, weight in self._parameters.items():
            if weight.grad is None:
                continue
            gradient = weight.grad
            if self._kind == "sgd":
                weight -= RATE * gradient
            else:
                square = gradient.square()
                if self._kind == "rowwise_adagrad" and square.dim() == 2:
                    square = square.mean(dim=1, keepdim=True)
                self._squares[name] = self._squares[name] + square
                weight -= RATE * gradient / (self._squares[name].sqrt() + EPS)
        for weight in self._parameters.values():  # Only now: tables of TorchRec's share a gradient.
            weight.grad = None


def _fill(whole: nn.Module) -> None:
    generator = torch.Generator().manual_seed(1)
    for weight in whole.parameters():
        weight.data.normal_(std=0.5, generator=generator)


def _filled(plan: Plan) -> dict[str, Any]:
    whole = model_of(plan, "cpu")
    _fill(whole)
    return whole.state_dict()


def _batch(tables: list[Any], seed: int) -> Any:
    """A batch that touches the first and the last row of each table."""
    generator = torch.Generator().manual_seed(seed)
    keys, ids, lengths = [], [], []
    for table in tables:
        for feature in table.features:
            count = torch.randint(0, 5, (SAMPLES,), generator=generator)
            count[0] = 2
            found = torch.randint(0, table.rows, (int(count.sum()),), generator=generator)
            found[0], found[1] = 0, table.rows - 1
            keys.append(feature)
            ids.append(found)
            lengths.append(count)
    return KeyedJaggedTensor(keys=keys, values=torch.cat(ids), lengths=torch.cat(lengths))


def _outputs(model: nn.Module, plan: Plan, step: int, rank: int) -> Any:
    """(samples, all features): side by side in the order of their names."""
    parts = []
    for path in plan.plan:
        tables = [table for table in plan.tables if table.module == path]
        pooled = model.get_submodule(path)(_batch(tables, 1000 * step + rank)).to_dict()
        parts += [pooled[feature] for feature in sorted(pooled)]
    return torch.cat(parts, dim=1)


def _loss(outputs: Any, step: int) -> Any:
    generator = torch.Generator().manual_seed(step)
    weights = torch.randn(outputs.shape[1], generator=generator)
    return ((outputs * weights).sum(dim=1) ** 2).mean() / outputs.shape[1]


@torch.no_grad()
def _pieces(sharded: nn.Module) -> Iterator[tuple[str, Any, tuple[slice, ...]]]:
    """(key, weights, where they lie in the table) of everything that this rank holds."""
    for key, value in sharded.state_dict().items():
        if hasattr(value, "local_shards"):
            found = [(piece.tensor, piece.metadata.shard_offsets) for piece in value.local_shards()]
        elif hasattr(value, "to_local"):
            local = value.to_local()
            found = list(zip(local.local_shards(), local.local_offsets(), strict=True))
        else:
            found = [(value, (0,) * value.dim())]
        for piece, first in found:
            extents = zip(first, piece.shape, strict=True)
            yield key, piece.detach(), tuple(slice(at, at + size) for at, size in extents)


def _configs(sharded: nn.Module, plan: Plan) -> Iterator[Any]:
    for path in plan.plan:
        for lookup in sharded.module.get_submodule(path)._lookups:
            for operator in getattr(lookup, "module", lookup)._emb_modules:
                yield operator._config


def _held(sharded: nn.Module, plan: Plan) -> Counter[str]:
    held: Counter[str] = Counter()
    for config in _configs(sharded, plan):
        for table in config.embedding_tables:
            held[table.name] += table.local_rows * table.local_cols
    return held


def _planned(plan: Plan, rank: int) -> Counter[str]:
    """Tables' names are unique in these plans."""
    elements = {table.name: table.rows * table.dim for table in plan.tables}
    held: Counter[str] = Counter()
    for entries in plan.plan.values():
        for name, entry in entries.items():
            if not entry.shards:
                held[name] += elements[name]
            for owner, piece in zip(entry.ranks, entry.shards, strict=False):
                if owner == rank:
                    held[name] += piece.shard_sizes[0] * piece.shard_sizes[1]
    return held


def train_own_batches(plan: Plan) -> float:
    """The largest difference of outputs from the unsharded model, of features with own batches.

    SGD, three steps; the unsharded model is given every sample's ids.
    """
    whole = model_of(plan, "cpu")
    _fill(whole)
    sharded = shard(model_of(plan), plan, learning_rate=RATE, device="cpu")
    start = whole.state_dict()
    for key, piece, where in _pieces(sharded):
        piece.copy_(start[key][where])
    worst, ranks = 0.0, range(dist.get_world_size())
    for step in range(3):
        each = [_own_batches(plan.tables, 100 * step + rank) for rank in ranks]
        found = _side_by_side(sharded.module, plan, each[dist.get_rank()][0])
        _loss(found, step).backward()
        expected = [_side_by_side(whole, plan, expanded) for _, expanded in each]
        (sum(_loss(one, step) for one in expected) / len(ranks)).backward()
        with torch.no_grad():
            for weight in whole.parameters():
                weight -= RATE * weight.grad
                weight.grad = None
        worst = max(worst, float((found - expected[dist.get_rank()]).abs().max()))
    return worst


def _side_by_side(model: nn.Module, plan: Plan, batch: Any) -> Any:
    (path,) = plan.plan
    pooled = model.get_submodule(path)(batch).to_dict()
    return torch.cat([pooled[feature] for feature in sorted(pooled)], dim=1)


def _own_batches(tables: list[Any], seed: int) -> tuple[Any, Any]:
    """The same batch twice: features by samples of their own, and all by as many as one has."""
    most = round(SAMPLES * max(1.0, *(share for table in tables for share in table.batch_shares)))
    generator = torch.Generator().manual_seed(seed)
    keys, ids, lengths, whose, sizes = [], [], [], [], []
    all_ids, all_lengths = [], []
    for table in tables:
        shares = table.batch_shares or (1.0,) * len(table.features)
        for feature, share in zip(table.features, shares, strict=True):
            own = round(share * SAMPLES)
            count = torch.randint(1, 5, (own,), generator=generator)
            found = torch.randint(0, table.rows, (int(count.sum()),), generator=generator)
            request = torch.arange(most) % own
            keys.append(feature)
            ids.append(found)
            lengths.append(count)
            whose.append(request)
            sizes.append([own])
            parts = found.split(count.tolist())
            all_ids += [parts[at] for at in request.tolist()]
            all_lengths.append(count[request])
    grouped = KeyedJaggedTensor(
        keys=keys,
        values=torch.cat(ids),
        lengths=torch.cat(lengths),
        stride_per_key_per_rank=sizes,
        inverse_indices=(keys, torch.stack(whose)),
    )
    return grouped, KeyedJaggedTensor(
        keys=keys, values=torch.cat(all_ids), lengths=torch.cat(all_lengths)
    )
