"""All tables of a plan on this rank."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from shardplan.errors import PlanRefused
from shardplan.executor.exchange.wire import WireWays
from shardplan.executor.memory.memory_pool import Pools
from shardplan.executor.native.collection import ShardedEmbeddingBagCollection
from shardplan.executor.native.sequence_collection import ShardedEmbeddingCollection
from shardplan.executor.native.untrainable import (
    other_rates,
    unoffered,
    unsendable,
    untrainable,
    unweighable,
)
from shardplan.executor.planned.acceptance import (
    native_faults,
    optimizer_faults,
    rank_faults,
    whole_batch_faults,
)
from shardplan.executor.planned.dense_warning import warn_of_dense
from shardplan.executor.planned.hot_ids import fingerprint_of_ids, hot_ids_faults, with_hot_ids
from shardplan.executor.planned.in_model import in_model
from shardplan.executor.planned.mismatch import (
    model_faults,
    optimizer_class_faults,
    weight_faults,
)
from shardplan.executor.planned.sums_warning import warn_of_sums
from shardplan.executor.ranks.agreement import faults_of_all
from shardplan.executor.ranks.room import check_memory
from shardplan.model.sparse_modules import sparse_modules
from shardplan.plan.file.fingerprint import fingerprint
from shardplan.workload.wire.wire_collective import WireCollective

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from shardplan.diagnostics import Diagnostic
    from shardplan.executor.exchange.mesh import Mesh
    from shardplan.executor.native.phase_clock import PhaseClock
    from shardplan.executor.native.sharded_collection import ShardedCollection
    from shardplan.executor.planned.hot_ids import GivenIds
    from shardplan.executor.planned.optimizer_settings import OptimizerSettings
    from shardplan.executor.planned.plan_view import PlanView
    from shardplan.model.sparse_module import SparseModule


def shard_tables(
    view: PlanView,
    mesh: Mesh,
    optimizer: OptimizerSettings,
    *,
    model: torch.nn.Module | Iterable[SparseModule] | None,
    pools: Pools | None = None,
    clock: PhaseClock | None = None,
    seed: int = 0,
    hot_ids: GivenIds | None = None,
) -> dict[str, ShardedCollection]:
    """A collection for each module of the plan, with the plan's formats of the wire.

    ``model`` is the module whose collections these take the place of, its tables on
    the meta device; or all its sparse modules; or None where the plan says all there is: tables
    in its order, pooled and weighted as it has them. A model's own order of tables and
    features, its means, weights of ids and bounds of initial weights are kept to.

    ``hot_ids`` has the hottest ids, hottest first, of tables of which every rank keeps some: by
    table, or ``module/table``, at least as many as the plan replicates, on all ranks the same.

    A collective. Raises on every rank alike PlanRefused, with all that keeps the plan from running
    here: other ranks, another optimizer, other tables than the model's, sparse modules that have
    no plan or cannot be trained; and MemoryExceeded where a rank is predicted to take more than
    the pools offer: all before anything is allocated.
    """
    modules = None if model is None else _modules_of(model)
    _agree(view, mesh, optimizer, modules, hot_ids or {})
    view = with_hot_ids(view, hot_ids or {})
    if isinstance(model, torch.nn.Module):
        warn_of_dense(model, view.tables, mesh.rank)
    warn_of_sums(view, mesh.rank)
    pools = pools or Pools.on(mesh.device)
    check_memory(view, pools.limits)
    there = {module.path: module for module in modules or ()}
    of_all: dict[str, Any] = {
        "fp8_row": view.training.comm_dtype.fp8_row,
        "reduction": view.training.reduction,
        "pools": pools,
        "clock": clock,
        "seed": seed,
    }
    return {
        path: _collection(view, path, there.get(path), mesh, optimizer, of_all)
        for path in view.modules
    }


def _collection(
    view: PlanView,
    path: str,
    module: SparseModule | None,
    mesh: Mesh,
    optimizer: OptimizerSettings,
    of_all: dict[str, Any],
) -> ShardedCollection:
    """Of one module of the plan; ``module`` is the model's, where there is a model."""
    tables = view.tables_of(path) if module is None else in_model(view, module)
    collection, wire = view.collection_of(path), view.training.comm_dtype
    of_module = of_all | {"output_dtype": collection.output_dtype}
    if collection.is_pooled:
        summed = WireCollective.REDUCE_SCATTER
        return ShardedEmbeddingBagCollection(
            tables,
            mesh,
            optimizer,
            is_weighted=view.is_weighted(path) if module is None else module.is_weighted,
            comm_forward=wire.forward,
            comm_backward=wire.backward,
            summed=WireWays.in_plan(wire, summed, collection.output_dtype),
            **of_module,
        )
    of_ids = wire.pair(WireCollective.SEQUENCE_ALL_TO_ALL)
    return ShardedEmbeddingCollection(
        tables,
        mesh,
        optimizer,
        dedup=collection.dedup,
        comm_forward=of_ids.forward,
        comm_backward=of_ids.backward,
        **of_module,
    )


def _modules_of(model: torch.nn.Module | Iterable[SparseModule]) -> tuple[SparseModule, ...]:
    return sparse_modules(model) if isinstance(model, torch.nn.Module) else tuple(model)


def _agree(
    view: PlanView,
    mesh: Mesh,
    optimizer: OptimizerSettings,
    modules: Sequence[SparseModule] | None,
    hot_ids: GivenIds,
) -> None:
    found: list[Diagnostic] = [
        *rank_faults(view, mesh.world_size, mesh.local_world_size),
        *optimizer_faults(view, optimizer.kind),
        *unoffered(view),
        *unsendable(view),
        *native_faults(view),
        *whole_batch_faults(view, "the native engine"),
        *hot_ids_faults(view, hot_ids),
    ]
    if modules is None:
        found += unweighable(view)
    else:
        found += model_faults(view.name, view.tables, modules, view.collection_of)
        found += weight_faults(view.name, {*filter(view.is_weighted, view.modules)}, modules)
        found += optimizer_class_faults(view.name, view.training.optimizer, modules)
        found += [*untrainable(modules), *other_rates(modules, optimizer)]
    found = faults_of_all(_fingerprint(view, hot_ids), found)
    if found:
        raise PlanRefused([f"{_where(each)}{each.message}; {each.hint}" for each in found]).agreed()


def _where(fault: Diagnostic) -> str:
    return f"{fault.path}: " if fault.path else ""


def _fingerprint(view: PlanView, hot_ids: GivenIds) -> str:
    """Of where every table lies: what differs between ranks would cross on the wire."""
    reduction = view.training.reduction
    return fingerprint(
        [[reduction.algorithm, reduction.top_k]]
        + [
            [table.module, table.name, table.sharding_type.name, table.kernel.name, table.ranks]
            + [table.collection.is_pooled, table.collection.dedup]
            + [table.collection.output_dtype, table.is_weighted]
            + [[s.rank, s.row_offset, s.column_offset, s.rows, s.columns] for s in table.shards]
            + [fingerprint_of_ids(table, hot_ids)]
            for table in view.tables
        ]
    )
