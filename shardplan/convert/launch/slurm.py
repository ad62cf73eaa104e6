"""A batch script of Slurm that starts a plan's job: torchrun once on each node."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from shardplan.convert.launch.torchrun import PORT, plan_and_command, torchrun

if TYPE_CHECKING:
    from shardplan.convert.launch.launched_job import LaunchedJob


def as_batch(job: LaunchedJob) -> str:
    """For ``sbatch``. Whole nodes are asked for: a plan counts on all that they have."""
    on_node = f"exec {torchrun(job, '$SLURM_NODEID')}"
    lines = [
        "#!/usr/bin/env bash",
        f"# {job.title}.",
        *_usage(job),
        f"#SBATCH --job-name={job.label}",
        f"#SBATCH --nodes={job.world.nodes}",
        "#SBATCH --ntasks-per-node=1",
        *([f"#SBATCH --gpus-per-node={job.world.devices_per_node}"] if job.has_gpus else []),
        "#SBATCH --exclusive",
        "#SBATCH --mem=0",
        "set -euo pipefail",
        "",
        *plan_and_command(job),
        *_meeting(job),
        "",
        "# torchrun starts the processes of a node, which share all of its cores.",
        f"srun --kill-on-bad-exit=1 --cpu-bind=none bash -c {shlex.quote(on_node)} node \\",
        '  "$@"',
    ]
    return "".join(f"{line}\n" for line in lines)


def _usage(job: LaunchedJob) -> list[str]:
    if job.is_trained_here:
        return [
            "#   sbatch SCRIPT",
            "# A command after SCRIPT runs instead of shardplan's own training. Partition, account",
            "# and time are the cluster's: sbatch takes them before SCRIPT.",
        ]
    return [
        "#   sbatch SCRIPT python train.py",
        "# Partition, account and time are the cluster's: sbatch takes them before SCRIPT.",
    ]


def _meeting(job: LaunchedJob) -> list[str]:
    if job.world.nodes == 1:
        return []
    return [
        'nodes="$(scontrol show hostnames "$SLURM_JOB_NODELIST")"',
        "export MASTER_ADDR=\"${nodes%%$'\\n'*}\"",
        f'export MASTER_PORT="${{MASTER_PORT:-{PORT}}}"',
    ]
