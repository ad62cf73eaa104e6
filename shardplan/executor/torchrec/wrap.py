"""A model, sharded by a plan."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch
import torch.distributed as dist
from torchrec.distributed.comm import get_topology_group_world_size
from torchrec.distributed.model_parallel import DistributedModelParallel

from shardplan.errors import InputError, ShardplanError
from shardplan.executor.planned.dense_warning import warn_of_dense
from shardplan.executor.planned.geometry import geometry_faults
from shardplan.executor.planned.mismatch import (
    model_faults,
    optimizer_class_faults,
    weight_faults,
)
from shardplan.executor.ranks.agreement import faults_of_all
from shardplan.executor.torchrec.empty_shards import is_accompanied
from shardplan.executor.torchrec.fault import fault
from shardplan.executor.torchrec.mismatch import (
    carried_faults,
    dynamic_faults,
    listing_faults,
    process_faults,
)
from shardplan.executor.torchrec.request import ShardRequest
from shardplan.executor.torchrec.sharded.managed import map_faults
from shardplan.executor.torchrec.sharded.processed import processor_faults
from shardplan.executor.torchrec.starts import keep_starts, start_faults
from shardplan.executor.torchrec.training import sharders, training_faults
from shardplan.executor.torchrec.translate import sharding_plan
from shardplan.executor.torchrec.unmade import unmade
from shardplan.executor.torchrec.whole import whole_modules
from shardplan.model.sparse_modules import sparse_modules
from shardplan.plan.file.fingerprint import fingerprint
from shardplan.plan.file.plan import Plan
from shardplan.plan.file.read import read_plan
from shardplan.sharding.device_kind import DeviceKind

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shardplan.diagnostics import Diagnostic


def shard(
    model: torch.nn.Module,
    plan: Plan | str | Path,
    *,
    learning_rate: float,
    fused_params: Mapping[str, object] | None = None,
    device: torch.device | str | None = None,
    allow_inexact: bool = False,
) -> DistributedModelParallel:
    """``DistributedModelParallel`` of a model whose tables are on the meta device.

    A collective: every rank of the default process group calls it, with the same plan or the path
    of its file. Each rank allocates its own shards alone. The optimizer of the tables and the
    formats on the wire are the plan's; ``fused_params`` go to FBGEMM's kernels (``eps``,
    ``weight_decay``). ``device`` is the current GPU where there is one, else the CPU.
    Data-parallel tables stay plain parameters for the job's own optimizer.

    ``allow_inexact`` lets through what trains, but not as unsharded: row-wise Adagrad over column
    shards, and bf16 that TorchRec turns into fp16 on CPU.

    Raises InputError on every rank alike, with all that keeps the plan from running here and what
    to do about each: every sparse module of the model that has no plan, or whose kind is another
    than planned or none that plans have, is among it. Those are EmbeddingBagCollection,
    EmbeddingCollection, FeatureProcessedEmbeddingBagCollection and the managed-collision ones.
    ShardplanError where there is no process group. Plain embeddings with dense gradients train as
    layers do, whole on every rank; rank 0 warns of them.
    """
    if not dist.is_initialized():
        raise ShardplanError("no process group: call torch.distributed.init_process_group first")
    where = _here() if device is None else torch.device(device)
    found: list[Diagnostic] = []
    request = None
    try:
        read = plan if isinstance(plan, Plan) else read_plan(plan)
        request = ShardRequest(read, where, learning_rate, fused_params or {}, allow_inexact)
        found += faults(model, request)
    except InputError as error:
        found += error.diagnostics
    own = request.plan.model_dump_json(include={"plan", "modules"}) if request else None
    found = faults_of_all(fingerprint(own) if own else "", found)
    if found:
        raise InputError(found).agreed()
    assert request is not None
    warn_of_dense(model, request.plan.tables, dist.get_rank())
    keep_starts(model, request.plan)
    wrapped = DistributedModelParallel(
        model,
        device=where,
        plan=sharding_plan(request.plan, where.type),
        sharders=sharders(request),
    )
    if left := whole_modules(wrapped.module, request.plan):
        raise ShardplanError(f"a bug: TorchRec left whole on every rank {', '.join(left)}")
    return wrapped


def faults(model: torch.nn.Module, request: ShardRequest) -> list[Diagnostic]:
    """All that keeps a plan from running on this model, these processes and these devices."""
    plan, found = request.plan, sparse_modules(model)
    placed = [table for table in plan.tables if table.name in plan.plan.get(table.module, {})]
    world_size, training = dist.get_world_size(), request.training
    illegal = [
        fault(plan, each.where, each.message, "the file was edited: solve again")
        for each in geometry_faults(
            plan,
            _kind_of(request.device),
            training.optimizer if training else None,
            partial(is_accompanied, plan),
        )
    ]
    return [
        *carried_faults(plan),
        *dynamic_faults(plan),
        *process_faults(plan, world_size, get_topology_group_world_size(world_size)),
        *listing_faults(plan),
        *model_faults(plan.name, placed, found, plan.collection_of),
        *weight_faults(plan.name, {t.module for t in placed if t.is_weighted}, found),
        *illegal,
        *training_faults(request),
        *start_faults(plan, found),
        *map_faults(model, found, request.device.type),
        *processor_faults(model, found),
        *unmade(model, [path for each in found for path in (each.path, *each.other_paths)]),
        *(optimizer_class_faults(plan.name, training.optimizer, found) if training else ()),
    ]


def _kind_of(device: torch.device) -> DeviceKind:
    return DeviceKind.GPU if device.type == "cuda" else DeviceKind.CPU


def _here() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
