"""Seconds of each phase of a step, by the names that a plan's prediction has."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.cost.phase import Phase


class PhaseClock:
    """Adds up the time that this rank spends in each phase; a phase does not hold another."""

    def __init__(self, device: Any = "cpu", is_running: bool = False) -> None:
        self.is_running = is_running
        """Measuring waits for the device at each end of a phase, so that it is off by default."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self._on_gpu = torch.device(device).type == "cuda"

    @contextmanager
    def phase(self, phase: Phase) -> Iterator[None]:
        """Count the time inside as this phase's."""
        if not self.is_running:
            yield
            return
        self._settle()
        started = time.perf_counter()
        yield
        self._settle()
        self.seconds[phase.name] += time.perf_counter() - started

    def _settle(self) -> None:
        if self._on_gpu:
            torch.cuda.synchronize()
