"""A job that is planned by a spec: its case, held against the model, in TorchRec's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torchrec.distributed.planner.storage_reservations import FixedPercentageStorageReservation
from torchrec.distributed.planner.types import Topology

from shardplan.api import load
from shardplan.case import Case
from shardplan.errors import InputError
from shardplan.executor.planned.ddp_sums import ddp_faults
from shardplan.executor.planned.mismatch import model_faults
from shardplan.torchrec.job.arguments import JobArguments
from shardplan.workload.wire.reduction_algorithm import ReductionAlgorithm

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from os import PathLike

    from shardplan.torchrec.job.sharded_module import ShardedModule

    SpecSource = str | PathLike[str] | Mapping[str, Any] | Case


def case_of_spec(source: SpecSource, modules: Sequence[ShardedModule]) -> Case:
    """The case of a spec, whose tables are those of the modules.

    Raises InputError with all faults of the spec, or with all that differs.
    """
    case = _summed_flat(source if isinstance(source, Case) else load(source))
    kinds = {table.module: table.collection for table in case.workload.tables}
    found = [module.found for module in modules]
    faults = list(model_faults(case.spec.name, case.workload.tables, found, kinds.__getitem__))
    faults += ddp_faults(case.spec.name, case.cost_model.reduction)
    if faults:
        raise InputError(faults)
    return case


def _summed_flat(case: Case) -> Case:
    """The same where its spec leaves open how gradients are summed: TorchRec has but one way."""
    asked = case.spec.training.all_reduce
    if asked is None or asked.algorithm is not ReductionAlgorithm.AUTO:
        return case
    flat = asked.model_copy(update={"algorithm": ReductionAlgorithm.FLAT})
    return case.with_(training=case.spec.training.model_copy(update={"all_reduce": flat}))


def job_of_case(case: Case) -> JobArguments:
    """What TorchRec's estimators and reports are told of a spec.

    Shards are placed on GPUs where there are any, as on the machine that runs the job.
    """
    topology, spec = case.topology, case.spec
    tiers = {"hbm_cap": topology.hbm, "ddr_cap": topology.ddr, "ssd_cap": topology.ssd}
    shared = {
        "hbm_cap": 1,
        "ddr_cap": topology.devices_per_node,
        "ssd_cap": topology.devices_per_node,
    }
    capacities = {
        name: int(tier.capacity_bytes) // shared[name] if tier else 0
        for name, tier in tiers.items()
    }
    world_size = topology.world_size
    return JobArguments(
        Topology(
            world_size,
            "cuda" if torch.cuda.is_available() else "cpu",
            local_world_size=topology.devices_per_node,
            created_by_factory=True,
            **capacities,
        ),
        spec.batch.global_batch(world_size) // world_size,
        {},
        FixedPercentageStorageReservation(0.0),
        None,
    )
