"""A planner for TorchRec's jobs that stands where ``EmbeddingShardingPlanner`` stood."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch.distributed as dist
from torchrec.distributed.planner.planners import to_sharding_plan
from torchrec.distributed.planner.types import PlanDebugStats, Topology
from torchrec.distributed.sharding_plan import get_default_sharders
from torchrec.distributed.types import ShardingPlan, ShardingPlanner

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError, ShardplanError
from shardplan.plan.carried import as_planned
from shardplan.plan.file.read import parse_plan
from shardplan.plan.file.write import render
from shardplan.solve.settings import ONE_PASS, Settings
from shardplan.torchrec.job.arguments import JobArguments
from shardplan.torchrec.job.case_of_spec import case_of_spec, job_of_case
from shardplan.torchrec.job.sharded_module import sharded_modules
from shardplan.torchrec.options import options_of_plan
from shardplan.torchrec.plan_folder import PlanFolder
from shardplan.torchrec.rank_zero import of_rank_zero
from shardplan.torchrec.solving import Solving
from shardplan.torchrec.summary import summary

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from os import PathLike

    import torch
    from torchrec.distributed.planner.types import (
        Enumerator,
        ParameterConstraints,
        Partitioner,
        PerfModel,
        PlanLoader,
        Proposer,
        ShardingOption,
        Stats,
        StorageReservation,
    )
    from torchrec.distributed.types import ModuleSharder

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.torchrec.job.case_of_spec import SpecSource
    from shardplan.torchrec.job.sharded_module import ShardedModule

_LOG = logging.getLogger("shardplan.torchrec")
_TIME_LIMIT_SECONDS = 10
_PATIENCE_SHARE = 0.2
"""Of the time: without anything better for so long, the search has ended."""


class Planner(ShardingPlanner):  # type: ignore[misc]
    """Plans a model's tables with shardplan, told what ``EmbeddingShardingPlanner`` is told.

    Told by TorchRec's arguments, it minimises what TorchRec's own estimator says of the busiest
    rank, with all figures of the ``Topology``; what TorchRec's planner would try is tried too, so
    that no plan is slower by that estimator than that one's. Told by a ``spec`` (a path, plain
    values or a loaded case; in place of ``topology`` too), it plans by that, under its cost model.
    What of the arguments has no counterpart is warned of, or refused where the plan would be
    another one.

    ``cache`` is a folder where plans are kept by what they were made from. The log
    ``shardplan.torchrec`` says what the plan costs and where, and how far from the best it can be.

    Raises InputError with all that is wrong with the arguments.
    """

    def __init__(
        self,
        topology: Topology | SpecSource | None = None,
        batch_size: int | None = None,
        enumerator: Enumerator | None = None,
        storage_reservation: StorageReservation | None = None,
        proposer: Proposer | list[Proposer] | None = None,
        partitioner: Partitioner | None = None,
        performance_model: PerfModel | None = None,
        stats: Stats | list[Stats] | None = None,
        constraints: Mapping[str, ParameterConstraints] | None = None,
        debug: bool = True,
        callbacks: list[Callable[[list[ShardingOption]], list[ShardingOption]]] | None = None,
        timeout_seconds: int | None = None,
        plan_loader: PlanLoader | None = None,
        *,
        spec: SpecSource | None = None,
        cache: str | PathLike[str] | None = None,
        gap: float = Settings().gap,
    ) -> None:
        given = {
            "topology": topology,
            "batch_size": batch_size,
            "enumerator": enumerator,
            "storage_reservation": storage_reservation,
            "proposer": proposer,
            "partitioner": partitioner,
            "performance_model": performance_model,
            "constraints": constraints,
            "plan_loader": plan_loader,
        }
        if spec is None and not isinstance(topology, Topology | None):
            spec, given["topology"] = topology, None
        self._spec = spec
        self._job = JobArguments.of(given) if spec is None else None
        if spec is not None:
            _refuse_beside_spec(given)
        self._stats = stats if isinstance(stats, list) else [stats] if stats else []
        self._debug = debug
        self._callbacks = callbacks or []
        seconds = timeout_seconds or _TIME_LIMIT_SECONDS
        self._settings = Settings(
            gap=gap,
            time_limit_seconds=seconds,
            patience_seconds=_PATIENCE_SHARE * seconds,
            effort=ONE_PASS,
        )
        self._solving = Solving(self._settings, None if cache is None else PlanFolder(cache))
        self._text = ""

    @property
    def made(self) -> Plan:
        """The plan that was made last, as shardplan has it: to explain, verify and write.

        After ``collective_plan`` it is there on every rank; callbacks have not changed it. Raises
        ShardplanError where none was made yet.
        """
        if not self._text:
            raise ShardplanError("no plan was made yet: call plan or collective_plan first")
        return parse_plan(self._text, "the plan that was made")

    def collective_plan(
        self,
        module: torch.nn.Module,
        sharders: list[ModuleSharder[torch.nn.Module]] | None = None,
        pg: dist.ProcessGroup | None = None,
    ) -> ShardingPlan:
        """The plan that rank 0 makes, on every rank of ``pg``, by default of all.

        What rank 0 raises, every rank raises.
        """
        if pg is None:
            if not dist.is_initialized():
                message = "no process group: call torch.distributed.init_process_group first"
                raise ShardplanError(f"{message}, or plan in place of collective_plan")
            pg = dist.group.WORLD
        assert pg is not None

        def work() -> tuple[ShardingPlan, str]:
            return self.plan(module, sharders), self._text

        found, self._text = of_rank_zero(work, pg)
        return found

    def plan(
        self,
        module: torch.nn.Module,
        sharders: list[ModuleSharder[torch.nn.Module]] | None = None,
    ) -> ShardingPlan:
        """The plan for ``DistributedModelParallel``, made here and now.

        Raises InputError with all that keeps the model from being planned, Infeasible where no plan
        can exist, NoPlanFound where none was found in time.
        """
        sharders = sharders if sharders is not None else get_default_sharders()
        modules = sharded_modules(module, sharders)
        if not any(each.tables for each in modules):
            return ShardingPlan({})
        case, plan = self._planned(module, sharders, modules)
        self._text = render(plan)
        for line in summary(plan, case):
            _LOG.info("%s", line)
        job = self._job or job_of_case(case)
        options = options_of_plan(plan, job, module, modules)
        for callback in self._callbacks:
            options = callback(options)
        found = to_sharding_plan(options, job.topology)
        self._tell_stats(found, options, job, sharders, plan)
        return found

    def _planned(
        self, model: torch.nn.Module, sharders: Sequence[Any], modules: Sequence[ShardedModule]
    ) -> tuple[Case, Plan]:
        if self._job is None:
            assert self._spec is not None
            case = case_of_spec(self._spec, modules)
            plan = self._solving.solved(case)
            return as_planned(plan, case), plan
        return self._solving.of_job(self._job, model, sharders, modules)

    def _tell_stats(
        self,
        found: ShardingPlan,
        options: list[ShardingOption],
        job: JobArguments,
        sharders: list[ModuleSharder[torch.nn.Module]],
        plan: Plan,
    ) -> None:
        for stats in self._stats:
            stats.log(
                sharding_plan=found,
                topology=job.topology,
                batch_size=job.batch_size,
                storage_reservation=job.storage_reservation,
                num_proposals=0,
                num_plans=1,
                run_time=plan.run.elapsed_seconds,
                best_plan=options,
                constraints=dict(job.constraints) or None,
                sharders=sharders,
                enumerator=job.enumerator,
                debug=self._debug,
                debug_stats=PlanDebugStats(
                    planner_type=type(self).__name__,
                    timeout_seconds=int(self._settings.time_limit_seconds),
                ),
            )


def _refuse_beside_spec(given: Mapping[str, Any]) -> None:
    faults = [
        Diagnostic("planner", 0, 0, name, "is given beside a spec", "say it in the spec alone")
        for name, value in given.items()
        if value is not None
    ]
    if faults:
        raise InputError(faults)
