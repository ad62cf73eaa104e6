"""Seconds of an operation, on a CPU and on a CUDA device."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    Part = Callable[[], Any]

_FLUSHED_BYTES = 2**28
"""More than the last cache of any GPU."""


class Stopwatch(Protocol):
    """Times operations of one process, one at a time."""

    @property
    def warm_ups(self) -> int:
        """Runs before the first that counts."""

    def ready(self) -> None:
        """Wait until the device has done all that it was asked for."""

    def work_seconds(self, part: Part) -> float:
        """Of what the process does by itself."""

    def shared_seconds(self, part: Part) -> float:
        """Of what it does together with others, and waits for."""


class CpuStopwatch:
    """Work is timed on the core: what other programs have of it in between does not count.

    Kernels run in the calling thread alone (``torch.set_num_threads(1)``), so that on a machine of
    one's own this is the time that passes.
    """

    warm_ups = 1

    def ready(self) -> None:
        """A CPU is done when the call returns."""

    def work_seconds(self, part: Part) -> float:
        """CPU seconds of the calling thread."""
        started = time.thread_time()
        part()
        return time.thread_time() - started

    def shared_seconds(self, part: Part) -> float:
        """Seconds that pass."""
        started = time.perf_counter()
        part()
        return time.perf_counter() - started


@dataclass(frozen=True, slots=True)
class CudaStopwatch:
    """Events on the current stream around the operation, after a flush of the on-chip cache.

    Every operation of PyTorch and, without ``async_op``, every collective is ordered on the current
    stream, so that the second event is reached when its result is there. A training step finds the
    cache full of other things: it is overwritten before each run.
    """

    cuda: Any
    """``torch.cuda``."""
    flushed: Any
    """A tensor larger than the cache, on the device."""
    warm_ups: int = 3

    @classmethod
    def on(cls, device: Any) -> CudaStopwatch:
        """For the operations of a device, which must be the current one."""
        return cls(torch.cuda, torch.empty(_FLUSHED_BYTES, dtype=torch.int8, device=device))

    def ready(self) -> None:
        """Wait for all streams."""
        self.cuda.synchronize()

    def work_seconds(self, part: Part) -> float:
        """Between the events."""
        start, stop = (self.cuda.Event(enable_timing=True) for _ in range(2))
        self.flushed.zero_()
        start.record()
        part()
        stop.record()
        self.cuda.synchronize()
        return float(start.elapsed_time(stop)) / 1e3

    def shared_seconds(self, part: Part) -> float:
        """The same: it ends on the stream, too."""
        return self.work_seconds(part)
