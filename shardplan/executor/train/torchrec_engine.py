"""The training command's engine on TorchRec: the same DLRM, data and initial weights."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch.nn.functional import binary_cross_entropy_with_logits
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig, KeyedJaggedTensor
from torchrec.modules.embedding_configs import DataType
from torchrec.optim import RowWiseAdagrad
from torchrec.optim.optimizers import in_backward_optimizer_filter

from shardplan.errors import ShardplanError
from shardplan.executor.exchange.mesh import naming_lost_ranks
from shardplan.executor.planned.acceptance import check_memory
from shardplan.executor.planned.planned_table import PlannedShard
from shardplan.executor.tables.initial_weights import fill_initial
from shardplan.executor.torchrec.wrap import shard
from shardplan.executor.train.dlrm import DenseLayers
from shardplan.executor.train.measurement import RankMeasurement

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.executor.tensors.tensor import Tensor
    from shardplan.executor.train.engine import EngineSetup, TrainingBatch

_DTYPES = {"fp32": DataType.FP32, "fp16": DataType.FP16, "bf16": DataType.BF16}


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
        self._view, self._device = view, setup.device
        for rank in range(view.world_size):  # What one refuses, all do: none waits for another.
            check_memory(view, rank, setup.limits)
        self._model = shard(
            Model(view, setup.dense_features, setup.seed),
            setup.plan,
            learning_rate=settings.learning_rate,
            fused_params={"eps": settings.eps},
            device=setup.device,
            allow_inexact=setup.allow_inexact,
        )
        _fill(self._model, view, setup.seed)
        self._optimizers = _plain_optimizers(self._model, view, settings)
        self._step_seconds: list[float] = []

    def train(self, batches: Iterable[TrainingBatch]) -> Iterator[Tensor]:
        """One step for each batch; this rank's loss of each. Raises RankLost."""
        started = time.perf_counter()
        for batch in batches:
            with _naming_lost_ranks():
                loss = self._step(batch)
            self._step_seconds.append(time.perf_counter() - started)
            yield loss
            started = time.perf_counter()

    def save(self, folder: Path, step: int) -> None:
        """Not offered: TorchRec's own checkpoints know its optimizers' state best."""
        raise ShardplanError("the training command writes checkpoints of the native engine alone")

    def load(self, path: Path, trust: bool = False) -> None:
        """Not offered either."""
        raise ShardplanError("the training command reads checkpoints into the native engine alone")

    def forget_measurements(self) -> None:
        """Measure from here on."""
        self._step_seconds.clear()

    def measured(self) -> RankMeasurement:
        """The step as a whole: what TorchRec does in it cannot be told apart from outside."""
        seconds = self._step_seconds
        mean = sum(seconds) / max(1, len(seconds))
        return RankMeasurement(dist.get_rank(), len(seconds), mean, phases={})

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
        features = KeyedJaggedTensor(list(sparse.keys), sparse.values, lengths=lengths)
        logits = self._model(batch.dense.to(self._device), features)
        return binary_cross_entropy_with_logits(logits, batch.labels.to(self._device))


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


class Model(torch.nn.Module):  # type: ignore[misc]
    """The DLRM of a plan, its tables on the meta device where the plan's modules say."""

    def __init__(self, view: PlanView, dense_features: int, seed: int) -> None:
        super().__init__()
        for module in view.modules:
            *parents, last = module.split(".")
            at: Any = self
            for name in parents:
                if name not in dict(at.named_children()):
                    at.add_module(name, torch.nn.Module())
                at = getattr(at, name)
            at.add_module(last, _collection(view, module))
        self._modules_of_tables = view.modules
        tables = [table for module in view.modules for table in view.tables_of(module)]
        self._features = [feature for table in tables for feature in table.features]
        dims = [table.dim for table in tables for _ in table.features]
        self.layers = DenseLayers(dense_features, dims, seed)

    def forward(self, dense: Tensor, features: Any) -> Tensor:
        """Logits of (samples,)."""
        found: dict[str, Tensor] = {}
        for module in self._modules_of_tables:
            found |= self.get_submodule(module)(features).to_dict()
        pooled = torch.cat([found[feature] for feature in self._features], 1)
        return self.layers(dense, pooled)


def _collection(view: PlanView, module: str) -> Any:
    return EmbeddingBagCollection(
        tables=[
            EmbeddingBagConfig(
                name=table.name,
                embedding_dim=table.dim,
                num_embeddings=table.rows,
                feature_names=list(table.features),
                data_type=_DTYPES[table.dtype],
            )
            for table in view.tables_of(module)
        ],
        device=torch.device("meta"),
    )


def _fill(model: Any, view: PlanView, seed: int) -> None:
    """The weights that the native engine begins with, in place."""
    state = model.state_dict()
    for table in view.tables:
        weights = state[f"{table.module}.embedding_bags.{table.name}.weight"]
        if table.is_replicated:
            whole = PlannedShard(0, 0, 0, table.rows, table.dim)
            fill_initial(weights.detach(), table, whole, seed)
            continue
        for each in weights.local_shards():
            (row, column), (rows, columns) = each.metadata.shard_offsets, each.metadata.shard_sizes
            piece = PlannedShard(0, row, column, rows, columns)
            fill_initial(each.tensor.detach(), table, piece, seed)


def _plain_optimizers(model: Any, view: PlanView, settings: OptimizerSettings) -> list[Any]:
    """SGD for the dense layers; the plan's optimizer for data-parallel tables, not fused here."""
    plain = dict(in_backward_optimizer_filter(model.named_parameters()))
    replicated = {
        f"{table.module}.embedding_bags.{table.name}.weight"
        for table in view.tables
        if table.is_replicated
    }
    rate, eps = settings.learning_rate, settings.eps
    dense = [parameter for name, parameter in plain.items() if name not in replicated]
    tables = [parameter for name, parameter in plain.items() if name in replicated]
    found: list[Any] = [torch.optim.SGD(dense, lr=rate)]
    if tables:
        found.append(
            {
                "sgd": lambda: torch.optim.SGD(tables, lr=rate),
                "adagrad": lambda: torch.optim.Adagrad(tables, lr=rate, eps=eps),
                "rowwise_adagrad": lambda: RowWiseAdagrad(tables, lr=rate, eps=eps),
                "adam": lambda: torch.optim.Adam(
                    tables, lr=rate, eps=eps, betas=(settings.beta1, settings.beta2)
                ),
            }[settings.kind]()
        )
    return found
