"""TorchRec's planner on a case; needs torchrec, which shardplan itself does not."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

import torch
from problem_specs import read_yaml
from torch.distributed.optim import _apply_optimizer_in_backward as apply_optimizer
from torchrec import EmbeddingBagCollection, EmbeddingBagConfig, optim
from torchrec.distributed.embeddingbag import EmbeddingBagCollectionSharder
from torchrec.distributed.planner import EmbeddingShardingPlanner
from torchrec.distributed.planner import Topology as TheirTopology
from torchrec.distributed.planner.partitioners import GreedyPerfPartitioner, SortBy
from torchrec.distributed.planner.storage_reservations import FixedPercentageStorageReservation
from torchrec.distributed.planner.types import ParameterConstraints, PlannerError

from shardplan.errors import NoPlanFound
from shardplan.plan.decision import Decision
from shardplan.sharding.kernel import KERNELS, Kernel
from shardplan.sharding.kind import SHARDING_TYPES, ShardingType
from shardplan.units import parse_rate
from shardplan.workload.optimizers.optimizer import Optimizer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torchrec.distributed.types import ParameterSharding

    from shardplan.case import Case

_OPTIMIZERS = {
    Optimizer.SGD: optim.SGD,
    Optimizer.ADAGRAD: optim.Adagrad,
    Optimizer.ROWWISE_ADAGRAD: optim.RowWiseAdagrad,
}
_COLUMNS = (ShardingType.TABLE_WISE, ShardingType.COLUMN_WISE, ShardingType.TABLE_COLUMN_WISE)


def plan_with_torchrec(
    case: Case, seconds: int, *, by_perf: bool, rates: Mapping[str, float] | None = None
) -> tuple[Decision, ...]:
    """The planner's defaults otherwise; every device offers what the case leaves free for tables.

    ``rates`` are bytes per second by the names of ruler.yaml, whose rates are the default.

    Raises NoPlanFound where it finds none.
    """
    torch.set_num_threads(1)
    logging.disable(logging.WARNING)
    planner = EmbeddingShardingPlanner(
        topology=_topology(case, rates or _ruler()),
        batch_size=case.workload.global_batch // case.topology.world_size,
        storage_reservation=FixedPercentageStorageReservation(0.0),
        partitioner=GreedyPerfPartitioner(sort_by=SortBy.PERF) if by_perf else None,
        constraints=_constraints(case),
        stats=[],
        timeout_seconds=seconds,
    )
    try:
        plan = planner.plan(_module(case), [EmbeddingBagCollectionSharder()])
    except PlannerError as error:
        raise NoPlanFound(str(error).strip().splitlines()[0]) from None
    found = next(iter(plan.plan.values()))
    each = case.topology.devices_per_node
    return tuple(
        _decision(i, found[table.name], each) for i, table in enumerate(case.workload.tables)
    )


def _ruler() -> dict[str, float]:
    return {name: parse_rate(rate) for name, rate in read_yaml("ruler.yaml")["bandwidths"].items()}


def _topology(case: Case, rates: Mapping[str, float]) -> TheirTopology:
    """TorchRec counts in bytes per millisecond."""
    return TheirTopology(
        world_size=case.topology.world_size,
        compute_device="cuda",
        hbm_cap=int(case.capacity.free_bytes[0]),
        local_world_size=case.topology.devices_per_node,
        hbm_mem_bw=rates["hbm"] / 1e3,
        hbm_to_ddr_mem_bw=rates["host_link"] / 1e3,
        intra_host_bw=rates["intra_host"] / 1e3,
        inter_host_bw=rates["inter_host"] / 1e3,
    )


def _constraints(case: Case) -> dict[str, ParameterConstraints]:
    kernels = [Kernel.FUSED.name, Kernel.DENSE.name]
    return {
        table.name: ParameterConstraints(
            pooling_factors=list(table.poolings), compute_kernels=kernels
        )
        for table in case.workload.tables
    }


def _module(case: Case) -> EmbeddingBagCollection:
    tables = [
        EmbeddingBagConfig(
            num_embeddings=table.rows,
            embedding_dim=table.dim,
            name=table.name,
            feature_names=list(table.features),
        )
        for table in case.workload.tables
    ]
    module = EmbeddingBagCollection(tables, device=torch.device("meta"))
    optimizer = _OPTIMIZERS[case.workload.training.optimizer]
    apply_optimizer(optimizer, module.parameters(), {"lr": 0.1})
    return module


def _decision(table: int, found: ParameterSharding, devices_per_node: int) -> Decision:
    """Column shards inside one node are column-wise here too: TorchRec costs them alike."""
    sharding = SHARDING_TYPES.named(found.sharding_type)
    kernel = KERNELS.named(found.compute_kernel)
    ranks = tuple(found.ranks or ())
    if sharding in _COLUMNS:
        kind = ShardingType.COLUMN_WISE if len(ranks) > 1 else ShardingType.TABLE_WISE
        return Decision(table, kind, kernel, len(ranks), ranks)
    if sharding in (ShardingType.ROW_WISE, ShardingType.DATA_PARALLEL):
        return Decision(table, sharding, kernel)
    shards = Counter(rank // devices_per_node for rank in ranks)
    nodes = [
        node for node, count in sorted(shards.items()) for _ in range(count // devices_per_node)
    ]
    return Decision(table, sharding, kernel, len(nodes), tuple(nodes))
