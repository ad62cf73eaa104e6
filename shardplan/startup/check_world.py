"""What of a job's world is not as a plan has it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.plan.finding import Finding
from shardplan.sharding.device_kind import DeviceKind
from shardplan.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.plan.file.plan import Plan
    from shardplan.sharding.world import World
    from shardplan.startup.job_world import JobWorld
    from shardplan.startup.visible_gpus import VisibleGpus

_CODE = "world"


def check_world(plan: Plan, job: JobWorld, gpus: VisibleGpus | None) -> Iterator[Finding]:
    """As many processes, dealt to nodes alike, with the memory that each is predicted to take.

    ``gpus`` are those of this process; without any, memory is not checked.
    """
    world = plan.whole_world
    yield from _sizes(plan, world, job)
    yield from _places(world, job)
    if plan.world.devices is DeviceKind.GPU and gpus is not None:
        yield from _devices(plan, world, job, gpus)


def unchecked(plan: Plan, job: JobWorld, gpus: VisibleGpus | None) -> tuple[str, ...]:
    """What nothing here told of, and so was not checked."""
    found = []
    if not job.local_sizes:
        found.append("processes per node")
    if job.rank is None:
        found.append("the place of this process")
    if plan.world.devices is not DeviceKind.GPU or gpus is None or job.rank is None:
        found.append("the memory of its device")
    return tuple(found)


def _sizes(plan: Plan, world: World, job: JobWorld) -> Iterator[Finding]:
    if job.size != world.size:
        groups = f", {plan.replicas.groups} groups of {plan.world_size}" if plan.replicas else ""
        message = (
            f"the plan is for {_processes(world.size)}{groups}; the job of {job.launcher} "
            f"has {job.size}"
        )
        yield Finding(_CODE, "world_size", message)
    for size in job.local_sizes:
        if size != world.devices_per_node:
            message = (
                f"the plan has {_processes(world.devices_per_node)} on each node; "
                f"in the job a node has {size}"
            )
            yield Finding(_CODE, "local_world_size", message)


def _places(world: World, job: JobWorld) -> Iterator[Finding]:
    """Ranks fill one node after the other, or what is planned inside a node crosses nodes."""
    if job.rank is None:
        return
    if job.rank >= job.size:
        yield Finding(_CODE, "rank", f"rank {job.rank} is none of {_processes(job.size)}")
    place = job.rank % world.devices_per_node
    are_alike = job.local_sizes in ((), (world.devices_per_node,))
    if job.local_rank not in (None, place) and are_alike:
        message = (
            f"rank {job.rank} is process {job.local_rank} of its node, and by the plan {place}: "
            "ranks are to fill one node after the other, as srun --distribution=block has them"
        )
        yield Finding(_CODE, "rank", message)


def _devices(plan: Plan, world: World, job: JobWorld, gpus: VisibleGpus) -> Iterator[Finding]:
    if 1 < gpus.count < world.devices_per_node:
        message = (
            f"the plan has {world.devices_per_node} devices on each node; "
            f"this process sees {gpus.count}, more than its own and fewer than all"
        )
        yield Finding(_CODE, "devices", message)
    if job.rank is None or job.rank >= world.size:
        return
    rank = _rank_in_plan(plan, job.rank)
    ranks = {each.rank: each for each in plan.prediction.ranks}
    if rank not in ranks:
        return
    needed = ranks[rank].memory_bytes.hbm
    if needed > gpus.free_bytes:
        message = (
            f"rank {job.rank} takes {format_bytes(needed)} of hbm by the prediction; "
            f"{gpus.name} has {format_bytes(gpus.free_bytes)} free"
        )
        yield Finding(_CODE, "memory", message)


def _rank_in_plan(plan: Plan, rank: int) -> int:
    """Which rank of the plan a process of the job is."""
    if plan.replicas is None:
        return rank
    return plan.replicas.grouping.rank_in_group(plan.whole_world, rank)


def _processes(count: int) -> str:
    return "1 process" if count == 1 else f"{count} processes"
