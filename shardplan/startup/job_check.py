"""The job around this process, held against the plan that it is for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from shardplan.startup.check_world import check_world, unchecked
from shardplan.startup.job_world import JobWorld
from shardplan.startup.visible_gpus import VisibleGpus

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from shardplan.plan.file.plan import Plan
    from shardplan.plan.finding import Finding


@dataclass(frozen=True, slots=True)
class JobCheck:
    """What was found, and what could not be looked at."""

    job: JobWorld
    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...]

    @classmethod
    def of(cls, plan: Plan, environment: Mapping[str, str]) -> Self:
        """Raises InputError where the environment names no job."""
        job = JobWorld.of_environment(environment)
        place = job.local_rank
        if place is None and job.rank is not None:
            place = job.rank % plan.whole_world.devices_per_node
        gpus = VisibleGpus.of_process(place)
        return cls(job, tuple(check_world(plan, job, gpus)), unchecked(plan, job, gpus))

    @property
    def is_first(self) -> bool:
        """Whether this process speaks for all where all is well."""
        return not self.job.rank

    @property
    def praise(self) -> Iterator[str]:
        """Lines for a job that is as planned."""
        processes = "1 process" if self.job.size == 1 else f"{self.job.size:,} processes"
        yield f"the job: good: {processes} of {self.job.launcher}, as planned"
        if self.unchecked:
            yield f"the job: not told here, and not checked: {', '.join(self.unchecked)}"
