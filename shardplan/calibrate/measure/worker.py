"""One process of a calibration: does what it is told, together with the others."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist

from shardplan.calibrate.measure.exchange import collective_of
from shardplan.calibrate.measure.operators import EmbeddingTables, draw_bags
from shardplan.calibrate.measure.stopwatch import CpuStopwatch, CudaStopwatch
from shardplan.calibrate.measure.task import KernelTask, WireTask
from shardplan.calibrate.measurements.measurement import Transfer
from shardplan.topology.collective import Collective

if TYPE_CHECKING:
    from collections.abc import Callable
    from multiprocessing.connection import Connection

    from shardplan.calibrate.measure.stopwatch import Stopwatch
    from shardplan.calibrate.measure.task import Task

_SECONDS_PER_TASK = 0.25
_FEWEST_RUNS, _MOST_RUNS = 6, 60
_FP32_BYTES = 4


def serve(rank: int, ranks: int, rendezvous: str, on_gpu: bool, pipe: Connection) -> None:
    """Measure the tasks that come through the pipe until there is None; answer with seconds.

    Who asks begins it deaf: Ctrl-C is for that process, and that it is gone is told by the pipe.
    """
    gpus = torch.cuda.device_count() if on_gpu else 0
    if on_gpu:
        torch.cuda.set_device(rank % gpus)
    else:
        torch.set_num_threads(1)
    device = torch.device("cuda", rank % gpus) if on_gpu else "cpu"
    # Several ranks on one GPU cannot talk through NCCL, and gloo moves only what the host has.
    through_host = gpus < ranks
    dist.init_process_group(
        "gloo" if through_host else "nccl",
        init_method=f"file://{rendezvous}",
        rank=rank,
        world_size=ranks,
        device_id=None if through_host else device,
    )
    measuring = _Measuring(
        rank=rank,
        device=device,
        wire_device="cpu" if through_host else device,
        has_device=not on_gpu or rank < gpus,
        watch=CudaStopwatch.on(device) if on_gpu else CpuStopwatch(),
        wire_watch=CpuStopwatch() if through_host else CudaStopwatch.on(device),
    )
    try:
        with suppress(EOFError, ConnectionError):
            while (task := pipe.recv()) is not None:
                pipe.send(measuring.measure(task))
    finally:
        dist.destroy_process_group()


@dataclass(frozen=True, slots=True)
class _Measuring:
    """Times operations that all ranks begin together."""

    rank: int
    device: Any
    wire_device: Any
    """Where buffers of collectives lie."""
    has_device: bool
    """Whether this rank measures with the device; where ranks share one, only the first does."""
    watch: Stopwatch
    wire_watch: Stopwatch

    def measure(self, task: Task) -> tuple[float, ...]:
        """Seconds of each part of a task, of the slowest rank."""
        if isinstance(task, WireTask) and isinstance(task.subject, Collective):
            part = collective_of(task.subject, task.sizes_bytes, self.rank, self.wire_device)
            return self._least([part], self.wire_watch, self.wire_watch.shared_seconds)
        parts = self._kernels(task) if isinstance(task, KernelTask) else [self._transfer(task)]
        if not self.has_device:
            parts = [_nothing for _ in parts]
        return self._least(parts, self.watch, self.watch.work_seconds)

    def _kernels(self, task: KernelTask) -> list[Callable[[], Any]]:
        tables = EmbeddingTables(task.set.tables, self.device)
        bags = draw_bags(task.set.tables, task.set.batch, self.device, self.rank)
        gradient = torch.full((task.set.batch, sum(tables.widths)), 1e-3, device=self.device)
        return [lambda: tables.lookup(bags), lambda: tables.update(bags, gradient)]

    def _transfer(self, task: WireTask) -> Callable[[], Any]:
        elements = max(1, int(task.sizes_bytes[0]) // _FP32_BYTES)
        if task.subject is Transfer.SWEEP:  # two reads and a write
            weights = torch.ones(max(1, elements // 3), device=self.device)
            gradient = torch.ones_like(weights)
            return lambda: weights.add_(gradient, alpha=-1e-3)
        on_host = torch.ones(elements, pin_memory=self.device != "cpu")
        on_device = torch.ones(elements, device=self.device)
        if task.subject is Transfer.FROM_HOST:
            return lambda: on_device.copy_(on_host, non_blocking=True)
        return lambda: on_host.copy_(on_device, non_blocking=True)

    def _least(
        self,
        parts: list[Callable[[], Any]],
        watch: Stopwatch,
        seconds_of: Callable[[Callable[[], Any]], float],
    ) -> tuple[float, ...]:
        """Run the parts in turn, as often as the time for a task allows.

        Of each the least on every rank, since what else runs on the machine only ever adds, and of
        these that of the slowest rank.
        """

        def run() -> list[float]:
            found = []
            for part in parts:
                watch.ready()
                dist.barrier()
                watch.ready()
                found.append(seconds_of(part))
            return found

        for _ in range(watch.warm_ups):
            first = run()
        (longest,) = self._slowest([sum(first)])
        asked = int(_SECONDS_PER_TASK / max(longest, 1e-9))
        timed = [run() for _ in range(min(max(asked, _FEWEST_RUNS), _MOST_RUNS))]
        return self._slowest([min(part) for part in zip(*timed, strict=True)])

    def _slowest(self, seconds: list[float]) -> tuple[float, ...]:
        """Of each the largest of all ranks, the same numbers on all of them."""
        largest = torch.tensor(seconds, device=self.wire_device, dtype=torch.float64)
        dist.all_reduce(largest, op=dist.ReduceOp.MAX)
        return tuple(largest.tolist())


def _nothing() -> None:
    """In place of what another rank measures."""
