"""The training command's engine on TorchRec: the same DLRM, data and initial weights."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.nn.parallel import DistributedDataParallel
from torchrec import KeyedJaggedTensor
from torchrec.optim import RowWiseAdagrad
from torchrec.optim.optimizers import in_backward_optimizer_filter

from shardplan.errors import InputError, PlanRefused, ShardplanError
from shardplan.executor.exchange.mesh import naming_lost_ranks
from shardplan.executor.planned.acceptance import (
    drawn_batch_faults,
    pipeline_faults,
    whole_batch_faults,
)
from shardplan.executor.planned.planned_table import PlannedShard
from shardplan.executor.ranks.room import check_memory
from shardplan.executor.tables.initial_weights import fill_initial
from shardplan.executor.torchrec.made_collections import Collections, collection_of
from shardplan.executor.torchrec.wrap import shard
from shardplan.executor.train.dlrm import DenseLayers
from shardplan.executor.train.measurement import RankMeasurement
from shardplan.executor.train.sample_vectors import mean_of_rows
from shardplan.executor.train.step_clock import StepClock
from shardplan.workload.collection import CollectionKind
from shardplan.workload.labels import spoken
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.planned.planned_table import PlannedTable
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.executor.train.engine import EngineSetup, TrainingBatch


class TorchRecEngine:
    """A small DLRM under ``DistributedModelParallel``; ids are not sent ahead, on any device."""

    def __init__(self, setup: EngineSetup) -> None:
        """Raises InputError where TorchRec would not run the plan exactly.

        Raises MemoryExceeded, before anything is allocated, where the plan is predicted to take
        more than its ranks may hold.
        """
        if not dist.is_initialized():
            raise ShardplanError("TorchRec needs a process group: run under torchrun")
        view, settings = setup.view, setup.optimizer
        _check_kinds(view)
        self._view, self._device = view, setup.device
        check_memory(view, setup.limits)
        _check_replicas(view, settings)
        found = [*whole_batch_faults(view, "the training command"), *drawn_batch_faults(view)]
        if found := [*found, *pipeline_faults(view)]:
            raise InputError(found).agreed()
        self._tables = shard(
            collection_of(view, "") if view.modules == ("",) else Collections(view),
            setup.plan,
            learning_rate=settings.learning_rate,
            fused_params={"eps": settings.eps},
            device=setup.device,
            allow_inexact=setup.allow_inexact,
        )
        _fill(self._tables, view, setup.seed)
        tables = [table for module in view.modules for table in view.tables_of(module)]
        dims = [table.dim for table in tables for _ in table.features]
        dense = DenseLayers(setup.dense_features, dims, setup.seed).to(setup.device)
        self._dense = DistributedDataParallel(dense)
        self._optimizers = [
            torch.optim.SGD(self._dense.parameters(), lr=settings.learning_rate),
            *optimizers_of_replicas(self._tables, view, settings),
        ]
        self._steps = StepClock(setup.device, setup.is_measured, _wait_for_all)

    def train(self, batches: Iterable[TrainingBatch]) -> Iterator[Tensor]:
        """One step for each batch; this rank's loss of each. Raises RankLost."""
        self._steps.begin()
        for batch in self._steps.drawn(batches):
            with _naming_lost_ranks():
                loss = self._step(batch)
            self._steps.end()
            yield loss
            self._steps.begin()

    def save(self, folder: Path, step: int) -> None:
        """Not offered: TorchRec's own checkpoints know its optimizers' state best."""
        raise ShardplanError("the training command writes checkpoints of the native engine alone")

    def load(self, path: Path, trust: bool = False) -> None:
        """Not offered either."""
        raise ShardplanError("the training command reads checkpoints into the native engine alone")

    def forget_measurements(self) -> None:
        """Measure from here on."""
        self._steps.seconds.clear()

    def measured(self) -> RankMeasurement:
        """The step as a whole: what TorchRec does in it cannot be told apart from outside."""
        steps = self._steps
        return RankMeasurement(dist.get_rank(), len(steps.seconds), steps.mean_seconds, phases={})

    def _step(self, batch: TrainingBatch) -> Tensor:
        loss = self._loss(batch)
        for optimizer in self._optimizers:
            optimizer.zero_grad()
        loss.backward()
        for optimizer in self._optimizers:
            optimizer.step()
        return loss.detach()

    def _loss(self, batch: TrainingBatch) -> Tensor:
        sparse = batch.sparse.to(self._device)
        lengths = sparse.lengths.view(-1)
        features = KeyedJaggedTensor(
            list(sparse.keys), sparse.values, weights=sparse.weights, lengths=lengths
        )
        logits = self._dense(batch.dense.to(self._device), self._pooled(features))
        return binary_cross_entropy_with_logits(logits, batch.labels.to(self._device))

    def _pooled(self, features: Any) -> Tensor:
        """(samples, columns of all features of all modules) fp32."""
        found = self._tables(features)
        outputs = [found] if self._view.modules == ("",) else found
        parts = []
        for module, output in zip(self._view.modules, outputs, strict=True):
            if self._view.collection_of(module).is_pooled:
                by_name = {name: sums.float() for name, sums in output.to_dict().items()}
            else:
                by_name = {
                    name: mean_of_rows(rows.values(), rows.lengths())
                    for name, rows in output.items()
                }
            parts += [by_name[name] for name in _output_names(self._view, module)]
        return torch.cat(parts, 1)


def _check_kinds(view: PlanView) -> None:
    """Raise PlanRefused where a module is neither a bag nor a sequence: the command makes those."""
    others = [
        f"{spoken(module)}: the training command makes no module of the kind {kind}; "
        "train it in a program of your own, by shardplan.executor.torchrec.shard"
        for module in view.modules
        for kind in [view.collection_of(module).kind]
        if kind not in (CollectionKind.BAG, CollectionKind.SEQUENCE)
    ]
    if others:
        raise PlanRefused(others).agreed()


def _output_names(view: PlanView, module: str) -> list[str]:
    """What TorchRec calls the outputs of a module: by the feature, and the table where needed."""
    tables = view.tables_of(module)
    readers = Counter(feature for table in tables for feature in table.features)
    return [
        feature if readers[feature] == 1 else f"{feature}@{table.name}"
        for table in tables
        for feature in table.features
    ]


def _wait_for_all() -> None:
    with naming_lost_ranks(dist.get_rank(), "the wait for the batches of all ranks"):
        dist.barrier()


@contextmanager
def _naming_lost_ranks() -> Iterator[None]:
    """Failed exchanges become RankLost; of gloo's, only their text says that they are any."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            with naming_lost_ranks(dist.get_rank(), "a step of TorchRec"):
                raise
        raise


def _fill(model: Any, view: PlanView, seed: int) -> None:
    """The weights that the native engine begins with, in place."""
    state = model.state_dict()
    for table in view.tables:
        weights = state[_weight_of(table)]
        if table.is_replicated:
            whole = PlannedShard(0, 0, 0, table.rows, table.dim)
            fill_initial(weights.detach(), table, whole, seed)
            continue
        for each in weights.local_shards():
            (row, column), (rows, columns) = each.metadata.shard_offsets, each.metadata.shard_sizes
            piece = PlannedShard(0, row, column, rows, columns)
            fill_initial(each.tensor.detach(), table, piece, seed)


def _weight_of(table: PlannedTable) -> str:
    """Its name among a model's parameters."""
    lookups = "embedding_bags" if table.collection.is_pooled else "embeddings"
    return ".".join(filter(None, (table.module, lookups, table.name, "weight")))


_OF_REPLICAS = (Optimizer.SGD, Optimizer.ADAGRAD, Optimizer.ROWWISE_ADAGRAD, Optimizer.ADAM)
"""What PyTorch and TorchRec have for plain parameters."""


def _check_replicas(view: PlanView, settings: OptimizerSettings) -> None:
    """Data-parallel tables are plain parameters. Raises ShardplanError where they go untrained."""
    replicated = [table.name for table in view.tables if table.is_replicated]
    if replicated and settings.kind not in _OF_REPLICAS:
        raise ShardplanError(
            f"{replicated[0]} is data_parallel, and PyTorch has no {settings.kind} for plain "
            "parameters: solve again without data_parallel, or train it by a program of your own"
        ).agreed()


def optimizers_of_replicas(model: Any, view: PlanView, settings: OptimizerSettings) -> list[Any]:
    """The plan's optimizer for data-parallel tables, which are not fused here."""
    plain = dict(in_backward_optimizer_filter(model.named_parameters()))
    names = {_weight_of(table) for table in view.tables if table.is_replicated}
    tables = [parameter for name, parameter in plain.items() if name in names]
    exact = [table for table in tables if table.dtype == torch.float32]
    rounded = [table for table in tables if table.dtype != torch.float32]
    found: list[Any] = [_optimizer(exact, settings)] if exact else []
    return [*found, _InFp32(rounded, settings)] if rounded else found


def _optimizer(tables: list[Any], settings: OptimizerSettings) -> Any:
    rate, eps = settings.learning_rate, settings.eps
    match settings.kind:
        case Optimizer.SGD:
            return torch.optim.SGD(tables, lr=rate)
        case Optimizer.ADAGRAD:
            return torch.optim.Adagrad(tables, lr=rate, eps=eps)
        case Optimizer.ROWWISE_ADAGRAD:
            return RowWiseAdagrad(tables, lr=rate, eps=eps)
        case Optimizer.ADAM:
            betas = (settings.beta1, settings.beta2)
            return torch.optim.Adam(tables, lr=rate, eps=eps, betas=betas)


class _InFp32:
    """Updates fp16 weights as fused optimizers do: state and arithmetic in fp32, rounded once.

    In fp16 an ``eps`` of 1e-8 is 0, and PyTorch's Adagrad divides a row that was not read by it.
    """

    def __init__(self, tables: list[Any], settings: OptimizerSettings) -> None:
        self._tables = tables
        self._wide = [torch.nn.Parameter(table.detach().float()) for table in tables]
        self._optimizer = _optimizer(self._wide, settings)

    def zero_grad(self) -> None:
        for table in self._tables:
            table.grad = None

    def step(self) -> None:
        for table, wide in zip(self._tables, self._wide, strict=True):
            wide.data.copy_(table)
            wide.grad = None if table.grad is None else table.grad.float()
        self._optimizer.step()
        for table, wide in zip(self._tables, self._wide, strict=True):
            table.data.copy_(wide)
