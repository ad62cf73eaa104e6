"""How the phases of a step combine into its time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.stages import Stages

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.phase import Phase


@dataclass(frozen=True, eq=False)
class Step:
    """P phases and the dense part; each phase waits for the slowest of W devices.

    The step's time is the longer of its critical path and of what hides behind the batch before::

        critical   = dense + sum over the phases that do not overlap of (constant + slowest)
        overlapped = the same sum over the phases that do
        step       = max(critical, overlapped) when pipelined, critical + overlapped when not

    and ``balance`` is the largest sum over phases of any one device, overlapped phases left out
    when pipelined (TorchRec's objective, planner/perf_models.py).

    Seconds of devices, (W, P) each, are with the phases' constants.
    """

    phases: tuple[Phase, ...]
    dense_seconds: float
    is_pipelined: bool

    def seconds(self, device_seconds: NDArray[np.float64]) -> float:
        """What the step takes."""
        critical, overlapped = self._paths(device_seconds)
        return max(critical, overlapped) if self.is_pipelined else critical + overlapped

    def balance_seconds(self, device_seconds: NDArray[np.float64]) -> float:
        """What the busiest device spends."""
        return float(device_seconds[:, ~self._is_hidden].sum(axis=1).max()) + self.dense_seconds

    def is_dense_hidden(self, device_seconds: NDArray[np.float64]) -> bool:
        """Whether what overlaps takes longer than all the rest, which then hides behind it."""
        critical, overlapped = self._paths(device_seconds)
        return self.is_pipelined and overlapped > critical

    def waits_for(self, device_seconds: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(P,): the phases of the longer path, which the step waits for."""
        if self.is_dense_hidden(device_seconds):
            return self._is_hidden
        return ~self._is_hidden

    @cached_property
    def constant_seconds(self) -> NDArray[np.float64]:
        """(P,): what each phase takes whatever the placement."""
        return np.array([phase.constant_seconds for phase in self.phases])

    @property
    def stages(self) -> Stages:
        """Whose objective is the step's time: one stage for each phase."""
        chain = self._is_hidden.astype(np.int64)
        seconds = np.array([self._critical_constant, self.constant_seconds[self._is_hidden].sum()])
        names = tuple(phase.name for phase in self.phases)
        return Stages(np.eye(len(self.phases)), chain, seconds[: chain.max(initial=0) + 1], names)

    @property
    def balance_stages(self) -> Stages:
        """Whose objective is the balance: one stage that sums the phases."""
        counted = (~self._is_hidden).astype(np.float64)[:, None]
        constant = np.array([self._critical_constant])
        return Stages(counted, np.zeros(1, np.int64), constant, ("balance",))

    def _paths(self, device_seconds: NDArray[np.float64]) -> tuple[float, float]:
        """The critical path, and what overlaps it."""
        slowest = device_seconds.max(axis=0)
        critical = float(slowest[~self._is_overlapped].sum()) + self.dense_seconds
        return critical, float(slowest[self._is_overlapped].sum())

    @cached_property
    def _critical_constant(self) -> float:
        return self.dense_seconds + float(self.constant_seconds[~self._is_hidden].sum())

    @cached_property
    def _is_overlapped(self) -> NDArray[np.bool_]:
        """(P,)."""
        return np.array([phase.overlapped for phase in self.phases], dtype=bool)

    @cached_property
    def _is_hidden(self) -> NDArray[np.bool_]:
        """(P,): what overlaps when pipelined, else nothing."""
        return self._is_overlapped & self.is_pipelined
