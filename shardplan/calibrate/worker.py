"""One process of a calibration: does what it is told, together with the others."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

from shardplan.calibrate.exchange import collective_of
from shardplan.calibrate.measurement import Transfer
from shardplan.calibrate.operators import EmbeddingTables, draw_bags
from shardplan.calibrate.task import KernelTask, WireTask
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from shardplan.calibrate.task import Task

_SECONDS_PER_TASK = 0.25
_FEWEST_RUNS, _MOST_RUNS = 6, 60
_WARM_UPS = 1
_FP32_BYTES = 4


def serve(rank: int, ranks: int, rendezvous: str, on_gpu: bool, pipe: Connection) -> None:
    """Measure the tasks that come through the pipe until there is None; answer with seconds."""
    device = torch.device("cuda", rank % torch.cuda.device_count()) if on_gpu else "cpu"
    if on_gpu:
        torch.cuda.set_device(device)
    else:
        torch.set_num_threads(1)
    # Several ranks on one GPU cannot talk through NCCL.
    backend = "nccl" if on_gpu and torch.cuda.device_count() >= ranks else "gloo"
    dist.init_process_group(
        backend, init_method=f"file://{rendezvous}", rank=rank, world_size=ranks
    )
    try:
        with suppress(EOFError, KeyboardInterrupt):
            while (task := pipe.recv()) is not None:
                pipe.send(_Clock(device).measure(task, rank))
    finally:
        dist.destroy_process_group()


class _Clock:
    """Times operations that all ranks begin together."""

    def __init__(self, device: Any) -> None:
        self._device = device
        self._on_gpu = device != "cpu"

    def measure(self, task: Task, rank: int) -> tuple[float, ...]:
        """Seconds of each part of a task, of the slowest rank."""
        if isinstance(task, KernelTask):
            return self._kernels(task, rank)
        return self._least([self._wire(task, rank)])

    def _kernels(self, task: KernelTask, rank: int) -> tuple[float, ...]:
        tables = EmbeddingTables(task.set.tables, self._device)
        bags = draw_bags(task.set.tables, task.set.batch, self._device, rank)
        gradient = torch.full((task.set.batch, sum(tables.widths)), 1e-3, device=self._device)
        passes = [lambda: tables.lookup(bags), lambda: tables.update(bags, gradient)]
        return self._least(passes)

    def _wire(self, task: WireTask, rank: int) -> Callable[[], Any]:
        if isinstance(task.subject, Collective):
            return collective_of(task.subject, task.sizes_bytes, rank, self._device)
        elements = max(1, int(task.sizes_bytes[0]) // _FP32_BYTES)
        if task.subject is Transfer.SWEEP:  # two reads and a write
            weights = torch.ones(max(1, elements // 3), device=self._device)
            gradient = torch.ones_like(weights)
            return lambda: weights.add_(gradient, alpha=-1e-3)
        on_host = torch.ones(elements, pin_memory=self._on_gpu)
        on_device = torch.ones(elements, device=self._device)
        if task.subject is Transfer.FROM_HOST:
            return lambda: on_device.copy_(on_host, non_blocking=True)
        return lambda: on_host.copy_(on_device, non_blocking=True)

    def _least(self, parts: list[Callable[[], Any]]) -> tuple[float, ...]:
        """Run the parts in turn, as often as the time for a task allows.

        Of each the least on every rank, since what else runs on the machine only ever adds, and of
        these that of the slowest rank.
        """
        for _ in range(_WARM_UPS):
            first = [self._time(part) for part in parts]
        (longest,) = self._slowest([sum(first)])
        asked = int(_SECONDS_PER_TASK / max(longest, 1e-9))
        runs = min(max(asked, _FEWEST_RUNS), _MOST_RUNS)
        timed = [[self._time(part) for part in parts] for _ in range(runs)]
        return self._slowest([min(part) for part in zip(*timed, strict=True)])

    def _time(self, part: Callable[[], Any]) -> float:
        """Seconds on this rank, all ranks beginning together."""
        self._synchronise()
        dist.barrier()
        started = time.perf_counter()
        part()
        self._synchronise()
        return time.perf_counter() - started

    def _slowest(self, seconds: list[float]) -> tuple[float, ...]:
        """Of each the largest of all ranks, the same numbers on all of them."""
        largest = torch.tensor(seconds, device=self._device, dtype=torch.float64)
        dist.all_reduce(largest, op=dist.ReduceOp.MAX)
        return tuple(largest.tolist())

    def _synchronise(self) -> None:
        if self._on_gpu:
            torch.cuda.synchronize()
