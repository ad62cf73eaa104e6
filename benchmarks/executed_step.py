"""Training steps of plans in real processes: under TorchRec, or in the native engine."""

from __future__ import annotations

import json
import logging
import os
import time
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.distributed as dist
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig, KeyedJaggedTensor
from torchrec.optim import RowWiseAdagrad
from torchrec.optim.optimizers import in_backward_optimizer_filter

from shardplan.executor.exchange.mesh import Mesh
from shardplan.executor.native.sharded_tables import shard_tables
from shardplan.executor.planned.optimizer_settings import OptimizerSettings
from shardplan.executor.planned.plan_view import view_plan
from shardplan.executor.torchrec import shard
from shardplan.workload.drawn_ids import draw_ids, draw_lengths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.plan.file.plan import Plan
    from shardplan.workload.workload import Workload

_RATE = 1e-3
_WARM_UPS, _STEPS = 1, 2
_PLAIN = {"sgd": torch.optim.SGD, "rowwise_adagrad": RowWiseAdagrad}
"""For data-parallel tables, which TorchRec leaves to the job's own optimizer."""


class UnderTorchRec:
    """One model under one plan, as one rank trains it with TorchRec."""

    def __init__(self, workload: Workload, plan: Plan) -> None:
        (self._module,) = plan.plan
        model = torch.nn.ModuleDict()
        at: Any = model
        *parents, last = self._module.split(".")
        for name in parents:
            at[name] = torch.nn.ModuleDict()
            at = at[name]
        at[last] = _tables(workload)
        self._sharded = shard(model, plan, learning_rate=_RATE, device="cpu")
        plain = dict(in_backward_optimizer_filter(self._sharded.named_parameters()))
        kind = _PLAIN[view_plan(plan).training.optimizer]
        self._optimizer = kind(plain.values(), lr=_RATE) if plain else None
        self._tables = self._sharded.module.get_submodule(self._module)

    def step(self, features: Any, gradient: Any) -> None:
        """Ids to rows to outputs, and the gradients of the outputs back into the rows."""
        outputs = self._tables(features).values()
        outputs.backward(gradient)
        if self._optimizer:
            self._optimizer.step()
            self._optimizer.zero_grad()


class Native:
    """The same in the native engine."""

    def __init__(self, workload: Workload, plan: Plan) -> None:
        view = view_plan(plan)
        settings = OptimizerSettings(view.training.optimizer, _RATE)
        mesh = Mesh(view.local_world_size)
        (self._tables,) = shard_tables(view, mesh, settings, model=None).values()

    def step(self, features: Any, gradient: Any) -> None:
        """Ids to rows to outputs, and the gradients of the outputs back into the rows."""
        self._tables(features).backward(gradient)


ENGINES = {"torchrec": UnderTorchRec, "native": Native}


def run(
    rank: int,
    ranks: int,
    rendezvous: str,
    workload: Workload,
    plans: Sequence[tuple[str, Plan]],
    rounds: int,
    result: str,
) -> None:
    """Time steps of every plan in every round, each in the engine that stands beside it.

    Rank 0 writes to the file ``result``, by round and plan, the slowest rank's seconds by the clock
    and those that it spent on a core: of two steps the fewer.
    Plans are timed in turn, so that what disturbs the machine for a while disturbs all of them.
    """
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    torch.set_num_threads(1)
    os.environ |= {"LOCAL_WORLD_SIZE": str(ranks), "LOCAL_RANK": str(rank)}
    dist.init_process_group("gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=ranks)
    features = _features(workload, workload.global_batch // ranks, rank)
    columns = sum(table.dim * len(table.features) for table in workload.tables)
    gradient = torch.full((workload.global_batch // ranks, columns), _RATE)
    trained = [ENGINES[engine](workload, plan) for engine, plan in plans]
    seconds = [
        [_least(each, features, gradient, _STEPS if i else _WARM_UPS) for each in trained]
        for i in range(rounds + 1)
    ]
    if rank == 0:
        with open(result, "w", encoding="utf-8") as file:
            json.dump(seconds[1:], file)
    dist.barrier()
    os._exit(0)  # Many sharded models torn down at once now and then abort a process.


def _least(
    trained: UnderTorchRec | Native, features: Any, gradient: Any, steps: int
) -> tuple[float, float]:
    timed = [_timed(trained, features, gradient) for _ in range(steps)]
    return min(by_clock for by_clock, _ in timed), min(on_core for _, on_core in timed)


def _timed(trained: UnderTorchRec | Native, features: Any, gradient: Any) -> tuple[float, float]:
    """Of the slowest rank: what passes, and what it spends on a core."""
    dist.barrier()
    passed, worked = time.perf_counter(), time.process_time()
    trained.step(features, gradient)
    both = time.perf_counter() - passed, time.process_time() - worked
    seconds = torch.tensor(both, dtype=torch.float64)
    dist.all_reduce(seconds, op=dist.ReduceOp.MAX)
    by_clock, on_core = seconds.tolist()
    return by_clock, on_core


def _tables(workload: Workload) -> Any:
    return EmbeddingBagCollection(
        [
            EmbeddingBagConfig(
                name=table.name,
                num_embeddings=table.rows,
                embedding_dim=table.dim,
                feature_names=list(table.features),
            )
            for table in workload.tables
        ],
        device=torch.device("meta"),
    )


def _features(workload: Workload, samples: int, rank: int) -> Any:
    """Ids and lengths as the access patterns and poolings say; one feature for each table."""
    random = np.random.default_rng(rank)
    lengths = [draw_lengths(table, samples, random) for table in workload.tables]
    ids = [
        draw_ids(table, int(of.sum()), random)
        for table, of in zip(workload.tables, lengths, strict=True)
    ]
    return KeyedJaggedTensor(
        keys=[feature for table in workload.tables for feature in table.features],
        values=torch.from_numpy(np.concatenate(ids)),
        lengths=torch.from_numpy(np.concatenate(lengths)),
    )
