"""All ways to start a plan's job, each with the file that it is usually in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shardplan.convert.launch.kubernetes import as_manifest
from shardplan.convert.launch.slurm import as_batch
from shardplan.convert.launch.torchrun import as_script

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from shardplan.convert.launch.launched_job import LaunchedJob

SNIPPETS: Mapping[str, Callable[[LaunchedJob], str]] = {
    "torchrun": as_script,
    "slurm": as_batch,
    "kubernetes": as_manifest,
}
"""By what starts the job, how that is written."""
SUFFIXES: Mapping[str, str] = {
    "torchrun": ".torchrun.sh",
    "slurm": ".slurm.sh",
    "kubernetes": ".kubernetes.yaml",
}
"""By the same, what takes the place of the plan file's own suffix."""
