"""A shell script that starts a plan's job under torchrun, on each of its nodes."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.convert.launch.launched_job import LaunchedJob

PORT = 29500
"""torchrun's own default for where processes meet."""
_CHECKED = 'python -m shardplan verify "$PLAN" --against-world && exec "$@"'
"""What each process runs: it goes on only where its world is that of the plan."""


def as_script(job: LaunchedJob) -> str:
    """For every node: with NODE_RANK and MASTER_ADDR where there are several."""
    lines = [
        "#!/usr/bin/env bash",
        f"# {job.title}.",
        *_usage(job),
        *body(job),
    ]
    return "".join(f"{line}\n" for line in lines)


def body(job: LaunchedJob) -> list[str]:
    """The lines of the script that are run."""
    return [
        "set -euo pipefail",
        "",
        *plan_and_command(job),
        *_needed(job),
        "",
        f"exec {torchrun(job, '$NODE_RANK')}",
    ]


def plan_and_command(job: LaunchedJob) -> list[str]:
    """Lines that export PLAN, and leave in ``$@`` what is to run."""
    named = [
        f"plan={shlex.quote(job.plan_path)}",
        'export PLAN="${PLAN:-$plan}"',
    ]
    if job.is_trained_here:
        train = 'python -m shardplan.executor train "$PLAN"'
        return [*named, f'[ "$#" -gt 0 ] || set -- {train}']
    return [*named, ': "${1:?name the command of your job, such as: python train.py}"']


def torchrun(job: LaunchedJob, node_rank: str) -> str:
    """The command on one node; ``node_rank`` is a word of the shell."""
    where = (
        ["--standalone"]
        if job.world.nodes == 1
        else [
            f"--nnodes={job.world.nodes}",
            f'--node-rank="{node_rank}"',
            '--master-addr="$MASTER_ADDR"',
            '--master-port="$MASTER_PORT"',
        ]
    )
    words = [
        "torchrun",
        *where,
        f"--nproc-per-node={job.world.devices_per_node}",
        f"--no-python bash -c {shlex.quote(_CHECKED)} checked",
        '"$@"',
    ]
    return " \\\n  ".join(words)


def _usage(job: LaunchedJob) -> list[str]:
    command = "" if job.is_trained_here else " python train.py"
    if job.world.nodes == 1:
        lines = [f"#   bash SCRIPT{command}"]
    else:
        last = job.world.nodes - 1
        lines = [
            f"#   NODE_RANK=0 MASTER_ADDR=the-first-node bash SCRIPT{command}",
            f"# on every node, with NODE_RANK from 0 to {last}; rank r of the job is on node "
            f"r / {job.world.devices_per_node}.",
        ]
    if job.is_trained_here:
        lines.append("# A command after SCRIPT runs instead of shardplan's own training.")
    return lines


def _needed(job: LaunchedJob) -> list[str]:
    if job.world.nodes == 1:
        return []
    return [
        f': "${{NODE_RANK:?set it to the number of this node, 0 to {job.world.nodes - 1}}}"',
        ': "${MASTER_ADDR:?set it to a name of the first node that all nodes know}"',
        f'MASTER_PORT="${{MASTER_PORT:-{PORT}}}"',
    ]
