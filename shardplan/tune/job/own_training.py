"""The job that runs where none is given: the executor's training."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from shardplan.calibrate.measure.machine import Machine
from shardplan.errors import ShardplanError
from shardplan.sharding.device_kind import DeviceKind
from shardplan.surroundings import cores
from shardplan.tune.job.job_command import MEASURED, PLAN
from shardplan.workload.optimizers.trainable import cpu_fault, native_fault

if TYPE_CHECKING:
    from shardplan.sharding.world import World
    from shardplan.workload.training import Training


def own_training(
    world: World, training: Training, engine: str, steps: int, warm_up: int
) -> tuple[str, ...]:
    """The command that trains ``steps`` steps after ``warm_up``, all processes on this machine.

    Raises ShardplanError where the plan is for several nodes, for more devices than this machine
    has or for other ones, the engine has not the optimizer, or PyTorch is not there.
    """
    nodes, processes = world.nodes, world.devices_per_node
    if nodes > 1:
        raise ShardplanError(
            f"the topology has {nodes} nodes, and the executor's training is started on one: give "
            "a command that starts your job on all of them (--run)"
        )
    if fault := _untrained(world, training, engine):
        message = f"training.optimizer: {fault}"
        raise ShardplanError(f"{message}; give a command that starts your job (--run)")
    missing = [name for name in ("torch", "torchrec") if not find_spec(name)]
    if "torch" in missing or (engine == "torchrec" and missing):
        extra = "torchrec" if engine == "torchrec" else "executor"
        message = f"the executor's training needs {missing[0]}: pip install 'shardplan[{extra}]'"
        raise ShardplanError(f"{message}, or give a command of your own (--run)")
    if unlike := _unlike(world):
        message = "what they would take here tells nothing of them: give a command that starts your"
        raise ShardplanError(f"{unlike}; {message} job on them (--run)")
    return (
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", f"{processes}", "-m", "shardplan.executor", "train", PLAN),
        *("--measure", MEASURED, "--engine", engine),
        *("--steps", f"{steps + warm_up}", "--warm-up", f"{warm_up}"),
    )


def _untrained(world: World, training: Training, engine: str) -> str:
    """Why the engine does not train so; empty where it does."""
    if engine == "native":
        return native_fault(training)
    return cpu_fault(training) if world.devices is DeviceKind.CPU else ""


def _unlike(world: World) -> str:
    """How the devices differ from this machine's; empty where they do not."""
    processes = world.devices_per_node
    if world.devices is DeviceKind.CPU:
        there = cores()
        words = f"the topology has {processes} devices, this machine {there} cores"
    else:
        there = Machine.here().gpus
        words = f"the topology has {processes} GPUs, this machine {there or 'none'}"
    return words if processes > there else ""
