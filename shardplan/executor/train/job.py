"""The process group of a training job, as ``torchrun`` sets it up."""

from __future__ import annotations

import gc
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.executor.exchange.mesh import naming_lost_ranks

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Job:
    """This process among those of the job."""

    rank: int
    world_size: int
    local_world_size: int
    device: torch.device

    def gather(self, value: Any, what: str = "the exchange of losses") -> list[Any]:
        """The values of all ranks, on each of them; ``what`` is what a lost rank is missed at."""
        if self.world_size == 1:
            return [value]
        values: list[Any] = [None] * self.world_size
        with naming_lost_ranks(self.rank, what):
            dist.all_gather_object(values, value)
        return values

    def mean(self, value: Any) -> float:
        """The mean over all ranks of a number on the device, summed in the order of ranks."""
        return float(sum(self.gather(float(value))) / self.world_size)


def _count(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not re.fullmatch("[0-9]{1,9}", text):
        raise _no_job(f"{name} is {text[:40]!r}, not a count")
    return int(text)


def _no_job(message: str) -> InputError:
    hint = "run under torchrun, which sets it; or without, as a job of one process"
    return InputError([Diagnostic("environment", 0, 0, "", message, hint, code="environment")])


@contextmanager
def joined(timeout_seconds: float) -> Iterator[Job]:
    """Join the job that torchrun's environment names; without one, a job of this process alone.

    NCCL where every local rank has a GPU of its own, gloo otherwise. Raises InputError where the
    environment does not say which job.
    """
    world_size = _count("WORLD_SIZE", 1)
    local_world_size = _count("LOCAL_WORLD_SIZE", world_size)
    rank, local_rank = _count("RANK", 0), _count("LOCAL_RANK", 0)
    has_gpus = torch.cuda.is_available() and torch.cuda.device_count() >= local_world_size
    device = torch.device("cuda", local_rank) if has_gpus else torch.device("cpu")
    if has_gpus:
        torch.cuda.set_device(device)
    if world_size == 1:
        yield Job(rank, world_size, local_world_size, device)
        return
    backend = "nccl" if has_gpus else "gloo"
    with naming_lost_ranks(rank, "the start"):
        try:
            dist.init_process_group(backend, timeout=timedelta(seconds=timeout_seconds))
        except ValueError as error:
            raise _no_job(f"does not say which job to join: {error}") from None
    try:
        yield Job(rank, world_size, local_world_size, device)
    finally:
        # What still holds on to the group, in cycles, would wait for it in threads of its own.
        gc.collect()
        dist.destroy_process_group()
