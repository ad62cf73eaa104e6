"""The job that runs where none is given: the executor's training."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

from shardplan.errors import ShardplanError
from shardplan.sharding.device_kind import DeviceKind
from shardplan.tune.job.job_command import MEASURED, PLAN
from shardplan.workload.trainable import cpu_fault, native_fault

if TYPE_CHECKING:
    from shardplan.topology.topology import Topology
    from shardplan.workload.training import Training


def own_training(
    topology: Topology, training: Training, engine: str, steps: int, warm_up: int
) -> tuple[str, ...]:
    """The command that trains ``steps`` steps after ``warm_up``, all processes on this machine.

    Raises ShardplanError where the plan is for several nodes, the engine has not the optimizer, or
    PyTorch is not there.
    """
    if topology.nodes > 1:
        raise ShardplanError(
            f"the topology has {topology.nodes} nodes, and the executor's training is started on "
            "one: give a command that starts your job on all of them (--run)"
        )
    if fault := _untrained(topology, training, engine):
        message = f"training.optimizer: {fault}"
        raise ShardplanError(f"{message}; give a command that starts your job (--run)")
    missing = [name for name in ("torch", "torchrec") if not find_spec(name)]
    if "torch" in missing or (engine == "torchrec" and missing):
        extra = "torchrec" if engine == "torchrec" else "executor"
        message = f"the executor's training needs {missing[0]}: pip install 'shardplan[{extra}]'"
        raise ShardplanError(f"{message}, or give a command of your own (--run)")
    processes = f"{topology.devices_per_node}"
    return (
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *(
            "--nproc-per-node",
            f"{topology.devices_per_node}",
            "-m",
            "shardplan.executor",
            "train",
            PLAN,
        ),
        *("--measure", MEASURED, "--engine", engine),
        *("--steps", f"{steps + warm_up}", "--warm-up", f"{warm_up}"),
    )


def _untrained(topology: Topology, training: Training, engine: str) -> str:
    """Why the executor cannot train so; empty where it can."""
    if engine == "native":
        return native_fault(training)
    return cpu_fault(training) if topology.world.devices is DeviceKind.CPU else ""
