"""All tables of a plan on this rank."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from shardplan.executor.memory.memory_pool import Pools
from shardplan.executor.native.collection import ShardedEmbeddingBagCollection
from shardplan.executor.planned.acceptance import (
    check_memory,
    check_model,
    check_optimizer,
    check_ranks,
)
from shardplan.executor.planned.model_table import tables_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.native.phase_clock import PhaseClock
    from shardplan.executor.planned.model_table import ModelTable
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.plan_view import PlanView


def shard_tables(
    view: PlanView,
    mesh: Mesh,
    optimizer: OptimizerSettings,
    *,
    model: torch.nn.Module | Iterable[ModelTable] | None,
    pools: Pools | None = None,
    clock: PhaseClock | None = None,
    seed: int = 0,
) -> dict[str, ShardedEmbeddingBagCollection]:
    """A collection for each module of the plan, with the plan's formats of the wire.

    ``model`` is the module whose EmbeddingBagCollections these take the place of, its tables on
    the meta device; or all its tables as ``ModelTable``; or None where it has no others than the
    plan's.

    Raises PlanRefused where the plan is for other ranks, another optimizer or other tables than
    the model's; and MemoryExceeded where it is predicted to take more than the pools offer: all
    before anything is allocated.
    """
    check_ranks(view, mesh.world_size, mesh.local_world_size)
    check_optimizer(view, optimizer.kind)
    if model is not None:
        check_model(view, tables_of(model) if isinstance(model, torch.nn.Module) else model)
    pools = pools or Pools.on(mesh.device)
    check_memory(view, mesh.rank, pools.limits)
    wire = view.training.comm_dtype
    return {
        module: ShardedEmbeddingBagCollection(
            view.tables_of(module),
            mesh,
            optimizer,
            comm_forward=wire.forward,
            comm_backward=wire.backward,
            pools=pools,
            clock=clock,
            seed=seed,
        )
        for module in view.modules
    }
