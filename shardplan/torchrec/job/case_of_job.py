"""The case of a job: its model, its sharders and what it told its planner, as a spec."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from shardplan.build_case import build_case
from shardplan.errors import InputError
from shardplan.spec.catalog.catalog import Kind
from shardplan.spec.catalog.source import named_source
from shardplan.spec.load import spec_from_value
from shardplan.spec.objective import Objective
from shardplan.torchrec.job.freedom import Freedoms
from shardplan.torchrec.job.machine import JobMachine
from shardplan.torchrec.job.memory import DeviceMemory
from shardplan.torchrec.job.tables import JobTables
from shardplan.torchrec.job.training import JobTraining
from shardplan.torchrec.job.wrong_types import Means

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.case import Case
    from shardplan.diagnostics import Diagnostic
    from shardplan.torchrec.job.arguments import JobArguments
    from shardplan.torchrec.job.sharded_module import ShardedModule

_NAME = "torchrec-job"


class JobCase(NamedTuple):
    """What a job plans, and what is to be said of it."""

    case: Case
    freedoms: Freedoms
    """Of its tables."""
    told: tuple[Diagnostic, ...]
    """What a spec cannot say, and what was left out."""


def case_of_job(
    job: JobArguments,
    model: Any,
    sharders: Sequence[Any],
    modules: Sequence[ShardedModule],
    means: Means = Means.WHOLE,
) -> JobCase:
    """What a job plans, under TorchRec's own estimator and its objective.

    Raises InputError with all that keeps it from being planned,
    and TorchRec's PlannerError where nothing is left of the memory.
    """
    shipped = named_source(Kind.COST_MODEL, "torchrec", Path()).value
    memory = DeviceMemory.of(
        job.topology, job.storage_reservation, job.batch_size, model, sharders,
        job.constraints or None,
    )  # fmt: skip
    machine = JobMachine.of(job.topology, memory, shipped)
    freedoms = Freedoms.of_job(job, means)
    tables = JobTables(modules, job.constraints, freedoms, job.batch_size)
    training = JobTraining(modules, job.constraints, job.enumerator)
    told = [*tables.diagnostics, *freedoms.told, *training.diagnostics]
    if errors := [each for each in told if each.severity == "error"]:
        raise InputError(errors)
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
    return JobCase(build_case(spec_from_value(value, "the job")), freedoms, tuple(told))
