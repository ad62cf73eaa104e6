"""A model, sharded by a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torchrec.distributed.comm import get_topology_group_world_size
from torchrec.distributed.model_parallel import DistributedModelParallel

from shardplan.errors import InputError, ShardplanError
from shardplan.executor.torchrec.agreement import agree
from shardplan.executor.torchrec.fault import fault
from shardplan.executor.torchrec.mismatch import process_faults, table_faults
from shardplan.executor.torchrec.model_tables import model_tables
from shardplan.executor.torchrec.rules import geometry_faults
from shardplan.executor.torchrec.training import sharders, training_faults
from shardplan.executor.torchrec.translate import sharding_plan
from shardplan.plan.file.fingerprint import fingerprint
from shardplan.plan.file.plan import Plan
from shardplan.plan.file.read import read_plan

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from shardplan.diagnostics import Diagnostic


def shard(
    model: Any,
    plan: Plan | str | Path,
    *,
    learning_rate: float,
    fused_params: Mapping[str, Any] | None = None,
    device: Any = None,
    allow_inexact: bool = False,
) -> Any:
    """``DistributedModelParallel`` of a model whose tables are on the meta device.

    A collective: every rank of the default process group calls it, with the same plan or the path
    of its file. Each rank allocates its own shards alone. The optimizer of the tables and the
    formats on the wire are the plan's; ``fused_params`` go to FBGEMM's kernels (``eps``,
    ``weight_decay``). ``device`` is the current GPU where there is one, else the CPU.
    Data-parallel tables stay plain parameters for the job's own optimizer.

    ``allow_inexact`` lets through what trains, but not as unsharded: row-wise Adagrad over column
    shards, and bf16 that TorchRec turns into fp16 on CPU.

    Raises InputError on every rank alike, with all that keeps the plan from running here and what
    to do about each; ShardplanError where there is no process group.
    """
    if not dist.is_initialized():
        raise ShardplanError("no process group: call torch.distributed.init_process_group first")
    device = _here() if device is None else torch.device(device)
    found: list[Diagnostic] = []
    read = None
    try:
        read = plan if isinstance(plan, Plan) else read_plan(plan)
        found += faults(model, read, device.type, allow_inexact=allow_inexact)
    except InputError as error:
        found += error.diagnostics
    agree(fingerprint(read.model_dump_json(include={"plan"})) if read else "", found)
    assert read is not None
    return wrap(model, read, device, learning_rate, fused_params or {})


def faults(
    model: Any, plan: Plan, device_type: str, *, allow_inexact: bool = False
) -> list[Diagnostic]:
    """All that keeps a plan from running on this model, these processes and these devices."""
    modules = model_tables(model)
    world_size = dist.get_world_size()
    illegal = [
        fault(plan, found.where, found.message, "the file was edited: solve again")
        for found in geometry_faults(plan)
    ]
    return [
        *process_faults(plan, world_size, get_topology_group_world_size(world_size)),
        *table_faults(plan, modules),
        *illegal,
        *training_faults(plan, modules, device_type, allow_inexact=allow_inexact),
    ]


def wrap(
    model: Any, plan: Plan, device: Any, learning_rate: float, fused_params: Mapping[str, Any]
) -> Any:
    """The model under the plan, unchecked."""
    return DistributedModelParallel(
        model,
        device=device,
        plan=sharding_plan(plan, device.type),
        sharders=sharders(plan, device, learning_rate, fused_params),
    )


def _here() -> Any:
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")
