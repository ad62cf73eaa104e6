"""The job that runs where none is given: the executor's training."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from shardplan.errors import ShardplanError
from shardplan.tune.job.job_command import MEASURED, PLAN


def own_training(
    nodes: int, processes: int, engine: str, steps: int, warm_up: int
) -> tuple[str, ...]:
    """The command that trains ``steps`` steps after ``warm_up``, all processes on this machine.

    Raises ShardplanError where the plan is for several nodes, or PyTorch is not there.
    """
    if nodes > 1:
        raise ShardplanError(
            f"the topology has {nodes} nodes, and the executor's training is started on one: give "
            "a command that starts your job on all of them (--run)"
        )
    missing = [name for name in ("torch", "torchrec") if not find_spec(name)]
    if "torch" in missing or (engine == "torchrec" and missing):
        extra = "torchrec" if engine == "torchrec" else "executor"
        message = f"the executor's training needs {missing[0]}: pip install 'shardplan[{extra}]'"
        raise ShardplanError(f"{message}, or give a command of your own (--run)")
    return (
        *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
        *("--nproc-per-node", f"{processes}", "-m", "shardplan.executor", "train", PLAN),
        *("--measure", MEASURED, "--engine", engine),
        *("--steps", f"{steps + warm_up}", "--warm-up", f"{warm_up}"),
    )
