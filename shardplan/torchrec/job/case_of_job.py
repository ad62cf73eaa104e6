"""The case of a job: its model, its sharders and what it told its planner, as a spec."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from shardplan.build_case import build_case
from shardplan.spec.catalog.catalog import Kind
from shardplan.spec.catalog.source import named_source
from shardplan.spec.load import spec_from_value
from shardplan.spec.objective import Objective
from shardplan.torchrec.job.arguments import tell
from shardplan.torchrec.job.freedom import Freedoms
from shardplan.torchrec.job.machine import JobMachine
from shardplan.torchrec.job.memory import DeviceMemory
from shardplan.torchrec.job.tables import JobTables
from shardplan.torchrec.job.training import JobTraining

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.torchrec.job.arguments import JobArguments
    from shardplan.torchrec.job.sharded_module import ShardedModule

_NAME = "torchrec-job"


def case_of_job(
    job: JobArguments,
    model: Any,
    sharders: Sequence[Any],
    modules: Sequence[ShardedModule],
    *,
    cuts_means: bool = False,
) -> Case:
    """What a job plans, under TorchRec's own estimator and its objective.

    Warns of what a spec cannot say. Raises InputError with all that keeps it from being planned,
    and TorchRec's PlannerError where nothing is left of the memory.
    """
    shipped = named_source(Kind.COST_MODEL, "torchrec", Path()).value
    memory = DeviceMemory.of(
        job.topology, job.storage_reservation, job.batch_size, model, sharders,
        job.constraints or None,
    )  # fmt: skip
    machine = JobMachine.of(job.topology, memory, shipped)
    freedoms = Freedoms.of_job(job, cuts_means=cuts_means)
    tables = JobTables(modules, job.constraints, freedoms, job.batch_size)
    training = JobTraining(modules, job.constraints, job.enumerator)
    tell([*tables.diagnostics, *freedoms.told, *training.diagnostics])
    shares = {feature: share for feature, share in tables.shares.items() if share < 1}
    value: dict[str, Any] = {
        "name": _NAME,
        "batch": {"local": job.batch_size} | ({"features": shares} if shares else {}),
        "topology": machine.topology,
        "cost_model": machine.cost_model,
        "training": training.value,
        "modules": tables.modules,
        "tables": tables.tables,
        "constraints": tables.constraints,
        "reserve": machine.reserve,
        "objective": Objective.BALANCE.value,
    }
    return build_case(spec_from_value(value, "the job"))
