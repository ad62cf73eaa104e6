"""A few steps of training on small tables: sharded, and unsharded by PyTorch's own means."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch.nn import functional

from shardplan.executor.batch.jagged_batch import JaggedBatch
from shardplan.executor.exchange.mesh import Mesh
from shardplan.executor.native.collection import ShardedEmbeddingBagCollection
from shardplan.executor.native.input_pipeline import InputPipeline
from shardplan.executor.planned.planned_table import PlannedShard, PlannedTable
from shardplan.executor.tables.initial_weights import fill_initial
from shardplan.executor.tensors.tensor import DTYPES
from shardplan.sharding.geometry import shards
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.sharding.world import World
from shardplan.workload.access import Uniform
from shardplan.workload.dtype import Dtype
from shardplan.workload.pipeline.pipeline import Pipeline
from shardplan.workload.wire.reduction import Reduction

if TYPE_CHECKING:
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings


@dataclass(frozen=True)
class TrainingCase:
    """Tables over ranks, and what is trained on them."""

    tables: tuple[PlannedTable, ...]
    world_size: int
    local_world_size: int
    optimizer: OptimizerSettings
    samples: int = 5
    steps: int = 5
    seed: int = 0
    comm: Dtype = Dtype.FP32
    pipeline: Pipeline = Pipeline.NONE
    is_weighted: bool = False
    output_dtype: Dtype = Dtype.FP32
    reduction: Reduction = field(default_factory=Reduction)
    """How gradients of data-parallel tables are summed."""
    has_thirds: bool = False
    """Whether averaged bags may have three ids: then not even linear gradients are exact."""
    linear: bool = True
    """Whether gradients are few-bit fractions that depend on no sum: then sums of them are exact,
    and an optimizer that divides by a gradient's own size cannot blow up the last bit."""

    @property
    def rounded(self) -> float:
        """Of the largest numbers of a row, by how much its output may be off.

        Each rank rounds its part of a sum of up to four ids, and so does the sum of the parts.
        """
        if self.output_dtype is Dtype.FP32:
            return 0.0
        return float(torch.finfo(DTYPES[self.output_dtype]).eps) * self.world_size * 4

    @property
    def width(self) -> int:
        return sum(table.dim * len(table.features) for table in self.tables)


def table_of(
    name: str,
    rows: int,
    dim: int,
    sharding_type: str,
    world_size: int,
    local_world_size: int,
    *,
    targets: tuple[int, ...] = (),
    column_shards: int = 1,
    features: int = 1,
    kernel: str = "",
    **more: Any,
) -> PlannedTable:
    """A table cut as the planner would cut it."""
    kind = SHARDING_TYPES.named(sharding_type)
    world = World(world_size, local_world_size)
    cut = shards(kind, rows, dim, column_shards, targets, world)
    return PlannedTable(
        name=name,
        module="sparse",
        rows=rows,
        dim=dim,
        dtype=Dtype(more.pop("dtype", "fp32")),
        features=tuple(f"{name}.{i}" for i in range(features)),
        sharding_type=kind,
        kernel=KERNELS.named(kernel or ("dense" if kind.is_replicated else "fused")),
        shards=tuple(
            PlannedShard(s.rank, s.row_offset, s.column_offset, s.rows, s.columns) for s in cut
        ),
        ranks=tuple(s.rank for s in cut) or tuple(range(world_size)),
        pooling=1.0,
        access=Uniform(),
        **more,
    )


def batch_of(case: TrainingCase, step: int, rank: int) -> JaggedBatch:
    """Random bags of 0 to 4 ids; some rows come up again and again."""
    random = torch.Generator().manual_seed(case.seed * 1_000_003 + step * 1_009 + rank)
    keys, values, lengths, weights = [], [], [], []
    for table in case.tables:
        for feature in table.features:
            of_samples = torch.randint(0, 5, (case.samples,), generator=random)
            if table.is_mean and not case.has_thirds:
                of_samples[of_samples == 3] = 4
            ids = torch.randint(0, table.rows, (int(of_samples.sum()),), generator=random)
            hot = torch.randint(0, 3, ids.shape, generator=random) == 0
            keys.append(feature)
            values.append(torch.where(hot, ids % 3, ids).clamp(max=table.rows - 1))
            lengths.append(of_samples)
            if case.is_weighted:
                weights.append(torch.randint(-4, 9, ids.shape, generator=random) / 8)
    of_ids = torch.cat(weights) if weights else None
    return JaggedBatch(tuple(keys), torch.cat(values), torch.stack(lengths), of_ids)


def loss_of(case: TrainingCase, output: Any, step: int, rank: int) -> Any:
    """The loss of one rank's samples."""
    random = torch.Generator().manual_seed(case.seed * 7_919 + step * 101 + rank + 1)
    factors = torch.randint(-8, 9, (case.samples, case.width), generator=random) / 16
    each = output * factors if case.linear else (output - factors).square() / 16
    return each.sum()


_MESHES: dict[int, Mesh] = {}


def mesh_of(local_world_size: int, timeout_seconds: float = 60.0) -> Mesh:
    """This process's mesh: groups are made once."""
    if local_world_size not in _MESHES:
        _MESHES[local_world_size] = Mesh(local_world_size, timeout_seconds=timeout_seconds)
    return _MESHES[local_world_size]


def sharded(case: TrainingCase, mesh: Mesh | None = None) -> ShardedEmbeddingBagCollection:
    return ShardedEmbeddingBagCollection(
        case.tables,
        mesh or mesh_of(case.local_world_size),
        case.optimizer,
        is_weighted=case.is_weighted,
        output_dtype=case.output_dtype,
        comm_forward=case.comm,
        comm_backward=case.comm,
        reduction=case.reduction,
        seed=case.seed,
    )


@dataclass(frozen=True)
class Trained:
    """What one rank has after training; tensors travel as numpy arrays."""

    outputs: list[Any]
    shards: list[tuple[str, PlannedShard, dict[str, Any]]]


def train_sharded(case: TrainingCase) -> Trained:
    """On one of the ranks."""
    return trained(case, sharded(case))


def trained(case: TrainingCase, collection: ShardedEmbeddingBagCollection) -> Trained:
    outputs, rank = [], collection.mesh.rank
    pipeline = InputPipeline([collection], case.pipeline)
    source = (batch_of(case, step, rank) for step in range(case.steps))
    for step, (_, (inputs,)) in enumerate(pipeline.batches(source)):
        output = collection(inputs)
        assert output.dtype is DTYPES[case.output_dtype]
        pipeline.advance()
        loss_of(case, output, step, rank).backward()
        outputs.append(array_of(output.detach()))
    return Trained(outputs, contents(collection))


def array_of(values: Any) -> Any:
    """A copy for numpy, which has no bf16; fp32 holds every half-precision number exactly."""
    return values.to(torch.float32, copy=True).numpy()


def contents(collection: ShardedEmbeddingBagCollection) -> list[Any]:
    """Every shard that this rank holds, data-parallel tables among them."""
    found = []
    for group in collection.groups:
        for held, fields in group.shards():
            copies = {name: array_of(field) for name, field in fields.items()}
            found.append((held.table.name, held.shard, copies))
    for replica in collection.replicated.replicas:
        table = replica.table
        whole = PlannedShard(collection.mesh.rank, 0, 0, table.rows, table.dim)
        copies = {name: array_of(field) for name, field in replica.fields.items()}
        found.append((table.name, whole, copies))
    return found


def train_unsharded(case: TrainingCase) -> tuple[list[list[Any]], dict[str, Any]]:
    """(outputs of each step and rank, weights by table) by ``embedding_bag`` and autograd."""
    weights, state = {}, {}
    for table in case.tables:
        whole = PlannedShard(0, 0, 0, table.rows, table.dim)
        weights[table.name] = torch.empty(table.rows, table.dim)
        fill_initial(weights[table.name], table, whole, case.seed)
        zeros = torch.zeros(table.rows, table.dim, dtype=torch.float64)
        state[table.name] = (zeros.clone(), zeros.clone())
    outputs = []
    for step in range(case.steps):
        outputs.append(_step(case, step, weights, state))
    return outputs, {name: weight.numpy() for name, weight in weights.items()}


def _step(case: TrainingCase, step: int, weights: Any, state: Any) -> list[Any]:
    leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
    outputs, losses = [], []
    read = {name: torch.zeros(len(weight), dtype=torch.bool) for name, weight in weights.items()}
    for rank in range(case.world_size):
        batch = batch_of(case, step, rank)
        counts = batch.lengths.sum(1).tolist()
        parts = batch.values.split(counts)
        of_ids = [None] * len(parts) if batch.weights is None else batch.weights.split(counts)
        sums = []
        readers = [table for table in case.tables for _ in table.features]
        for row, (table, ids) in enumerate(zip(readers, parts, strict=True)):
            offsets = batch.lengths[row].cumsum(0) - batch.lengths[row]
            mode = "mean" if table.is_mean else "sum"
            sums.append(
                functional.embedding_bag(
                    ids, leaves[table.name], offsets, mode=mode, per_sample_weights=of_ids[row]
                )
            )
            read[table.name][ids] = True
        output = torch.cat(sums, 1)
        outputs.append(output.detach().numpy())
        losses.append(loss_of(case, output, step, rank))
    (torch.stack(losses).sum() / case.world_size).backward()
    for name, leaf in leaves.items():
        gradient = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        _update(case.optimizer, step + 1, weights[name], state[name], gradient, read[name])
    return outputs


def _update(
    settings: OptimizerSettings, step: int, weight: Any, state: Any, gradient: Any, read: Any
) -> None:
    """The optimizers' textbook formulas in fp64, on the rows that were read."""
    g, rate, eps = gradient.double()[read], settings.learning_rate, settings.eps
    first, second = state
    if settings.kind.name == "sgd":
        change = g
    elif settings.kind.name == "adam":
        first[read] = settings.beta1 * first[read] + (1 - settings.beta1) * g
        second[read] = settings.beta2 * second[read] + (1 - settings.beta2) * g**2
        corrected = second[read] / (1 - settings.beta2**step)
        change = first[read] / (1 - settings.beta1**step) / (corrected.sqrt() + eps)
    else:
        row_wise = settings.kind.name == "rowwise_adagrad"
        first[read] += (g**2).mean(1, keepdim=True) if row_wise else g**2
        change = g / (first[read].sqrt() + eps)
    weight[read] = (weight[read].double() - rate * change).float()


def alone(case: TrainingCase) -> TrainingCase:
    """The same tables, whole, for a single rank."""
    tables = tuple(
        replace(
            table,
            sharding_type=ShardingType.TABLE_WISE,
            kernel=Kernel.FUSED,
            shards=(PlannedShard(0, 0, 0, table.rows, table.dim),),
            ranks=(0,),
        )
        for table in case.tables
    )
    return replace(case, tables=tables)
