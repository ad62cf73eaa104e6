"""How long steps take, the drawing of their batches apart."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from shardplan.executor.tensors.tensor import Device
    from shardplan.executor.train.engine import TrainingBatch


class StepClock:
    """Seconds of each step on this rank, without those in which any rank draws a batch.

    A rank that has its batch waits, aside from the clock, until all have theirs: in its first
    collective it would wait for them too, and count that as its own step's.
    """

    def __init__(self, device: Device, is_running: bool, wait_for_all: Callable[[], None]) -> None:
        """``is_running``: else steps are timed as they come, and no rank waits for another."""
        self.seconds: list[float] = []
        self._on_gpu = torch.device(device).type == "cuda"
        self._is_running, self._wait_for_all = is_running, wait_for_all
        self._started = self._apart = 0.0

    @property
    def mean_seconds(self) -> float:
        """Of a step; 0 of none."""
        return sum(self.seconds) / max(1, len(self.seconds))

    def begin(self) -> None:
        """A step begins."""
        self._apart = 0.0
        self._started = time.perf_counter()

    def end(self) -> None:
        """It is over."""
        if self._is_running and self._on_gpu:
            torch.cuda.synchronize()
        self.seconds.append(time.perf_counter() - self._started - self._apart)

    def drawn(self, batches: Iterable[TrainingBatch]) -> Iterator[TrainingBatch]:
        """The batches; asking for one stops the clock until every rank has its own."""
        source = iter(batches)
        while True:
            started = time.perf_counter()
            batch = next(source, None)
            if batch is None:
                return
            if self._is_running:
                self._wait_for_all()
            self._apart += time.perf_counter() - started
            yield batch
