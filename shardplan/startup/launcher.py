"""What starts the processes of a job, by what it tells them in the environment."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Launcher:
    """Names of variables; where there are several, the first that is set counts."""

    name: str
    size: tuple[str, ...]
    """How many processes the job has."""
    rank: str
    local_sizes: tuple[str, ...]
    """How many the node of this process has; or, as in ``8(x2),4``, each node of the job."""
    local_rank: str


LAUNCHERS = (
    Launcher("torchrun", ("WORLD_SIZE",), "RANK", ("LOCAL_WORLD_SIZE",), "LOCAL_RANK"),
    Launcher(
        "Slurm",
        ("SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"),
        "SLURM_PROCID",
        ("SLURM_STEP_TASKS_PER_NODE", "SLURM_TASKS_PER_NODE"),
        "SLURM_LOCALID",
    ),
    Launcher(
        "Open MPI",
        ("OMPI_COMM_WORLD_SIZE",),
        "OMPI_COMM_WORLD_RANK",
        ("OMPI_COMM_WORLD_LOCAL_SIZE",),
        "OMPI_COMM_WORLD_LOCAL_RANK",
    ),
)
"""The innermost first: torchrun under Slurm starts the processes itself."""
