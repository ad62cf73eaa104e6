"""How the phases of a step combine into its time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.phase import Cover
from shardplan.cost.phases import DENSE, comes_before
from shardplan.cost.stages import Stages

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.cost.phase import Phase


@dataclass(frozen=True, eq=False)
class Step:
    """P phases and the dense part; each phase waits for the slowest of W devices.

    The step's time is that of its longest chain of phases: of its critical path, and of what hides
    behind each ``Cover``::

        critical = dense + sum over the phases that do not hide of (constant + slowest)
        hidden_c = the same sum over the phases that hide behind cover c
        step     = max(critical, hidden_c of each c)

    where without a pipeline what needs one is added to the critical path, and what a cover waits
    for, the dense part and the phases before it, to its chain. ``balance`` is the
    largest sum over the phases of the critical path of any one device (TorchRec's objective,
    planner/perf_models.py).

    Seconds of devices, (W, P) each, are with the phases' constants.
    """

    phases: tuple[Phase, ...]
    dense_seconds: float
    is_pipelined: bool

    def seconds(self, device_seconds: NDArray[np.float64]) -> float:
        """What the step takes."""
        return float(self.chain_seconds(device_seconds).max())

    def chain_seconds(self, device_seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """(C,): of each of ``chains``."""
        of_phases: NDArray[np.float64] = device_seconds.max(axis=0) @ self._in_chain
        return of_phases + self._dense_of_chain

    def balance_seconds(self, device_seconds: NDArray[np.float64]) -> float:
        """What the busiest device spends."""
        return float(device_seconds[:, ~self._is_hidden].sum(axis=1).max()) + self.dense_seconds

    def is_dense_hidden(self, device_seconds: NDArray[np.float64]) -> bool:
        """Whether the step waits for what hides, and the dense part hides behind it."""
        longest = self.chain_seconds(device_seconds).argmax()
        return not self._waits_for_dense[longest]

    def waits_for(self, device_seconds: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(P,): the phases of the longest chain, which the step waits for."""
        longest: NDArray[np.bool_] = self._in_chain[:, self.chain_seconds(device_seconds).argmax()]
        return longest

    @cached_property
    def chains(self) -> tuple[Cover | None, ...]:
        """What the phases of each of C chains hide behind; None, the critical path, is first."""
        own = (cover for cover in Cover if self.is_pipelined or not cover.needs_pipeline)
        used = {phase.hides_behind for phase in self.phases}
        return (None, *(cover for cover in own if cover in used))

    @cached_property
    def constant_seconds(self) -> NDArray[np.float64]:
        """(P,): what each phase takes whatever the placement."""
        return np.array([phase.constant_seconds for phase in self.phases])

    @property
    def stages(self) -> Stages:
        """Whose objective is the step's time: one stage for each phase."""
        seconds = self.constant_seconds @ self._in_chain + self._dense_of_chain
        names = tuple(phase.name for phase in self.phases)
        return Stages(np.eye(len(self.phases)), self._in_chain, seconds, names)

    @property
    def balance_stages(self) -> Stages:
        """Whose objective is the balance: one stage that sums the phases."""
        counted = (~self._is_hidden).astype(np.float64)[:, None]
        constant = self.dense_seconds + float(self.constant_seconds[~self._is_hidden].sum())
        return Stages(counted, np.ones((1, 1), dtype=bool), np.array([constant]), ("balance",))

    @cached_property
    def _in_chain(self) -> NDArray[np.bool_]:
        """(P, C): the chains that a phase makes longer."""
        number = {cover: chain for chain, cover in enumerate(self.chains)}
        found = np.zeros((len(self.phases), len(self.chains)), dtype=bool)
        for row, phase in zip(found, self.phases, strict=True):
            own = number.get(phase.hides_behind, 0)
            row[own] = True
            if own == 0:
                row[1:] = [comes_before(phase.name, cover) for cover in self.chains[1:]]
        return found

    @cached_property
    def _waits_for_dense(self) -> NDArray[np.bool_]:
        """(C,): whether a chain has the dense part in it."""
        waits = [cover is None or comes_before(DENSE.name, cover) for cover in self.chains]
        return np.array(waits, dtype=bool)

    @property
    def _dense_of_chain(self) -> NDArray[np.float64]:
        """(C,)."""
        return np.where(self._waits_for_dense, self.dense_seconds, 0.0)

    @cached_property
    def _is_hidden(self) -> NDArray[np.bool_]:
        """(P,): what is not of the critical path."""
        hidden: NDArray[np.bool_] = ~self._in_chain[:, 0]
        return hidden
