"""How the phases of a step combine into its time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.phase import Cover
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

    where without a pipeline what needs one is added to the critical path. ``balance`` is the
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
        slowest = device_seconds.max(axis=0)
        of_cover = {cover: float(slowest[is_in].sum()) for cover, is_in in self._covers.items()}
        critical = of_cover.pop(None) + self.dense_seconds
        critical += sum(of_cover[cover] for cover in of_cover if cover not in self.chains)
        return np.array([critical, *(of_cover[cover] for cover in self.chains[1:])])

    def balance_seconds(self, device_seconds: NDArray[np.float64]) -> float:
        """What the busiest device spends."""
        return float(device_seconds[:, ~self._is_hidden].sum(axis=1).max()) + self.dense_seconds

    def is_dense_hidden(self, device_seconds: NDArray[np.float64]) -> bool:
        """Whether what hides takes longer than the critical path, which then hides behind it."""
        return bool(self.chain_seconds(device_seconds).argmax() > 0)

    def waits_for(self, device_seconds: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(P,): the phases of the longest chain, which the step waits for."""
        longest: NDArray[np.bool_] = (
            self.chain_of_phase == self.chain_seconds(device_seconds).argmax()
        )
        return longest

    @cached_property
    def chains(self) -> tuple[Cover | None, ...]:
        """What the phases of each of C chains hide behind; None, the critical path, is first."""
        own = (cover for cover in Cover if self.is_pipelined or not cover.needs_pipeline)
        return (None, *(cover for cover in own if cover in self._covers))

    @cached_property
    def constant_seconds(self) -> NDArray[np.float64]:
        """(P,): what each phase takes whatever the placement."""
        return np.array([phase.constant_seconds for phase in self.phases])

    @property
    def stages(self) -> Stages:
        """Whose objective is the step's time: one stage for each phase."""
        seconds = np.zeros(len(self.chains))
        seconds[0] = self._critical_constant
        for chain in range(1, len(self.chains)):
            seconds[chain] = self.constant_seconds[self.chain_of_phase == chain].sum()
        names = tuple(phase.name for phase in self.phases)
        return Stages(np.eye(len(self.phases)), self.chain_of_phase, seconds, names)

    @property
    def balance_stages(self) -> Stages:
        """Whose objective is the balance: one stage that sums the phases."""
        counted = (~self._is_hidden).astype(np.float64)[:, None]
        constant = np.array([self._critical_constant])
        return Stages(counted, np.zeros(1, np.int64), constant, ("balance",))

    @cached_property
    def _critical_constant(self) -> float:
        return self.dense_seconds + float(self.constant_seconds[~self._is_hidden].sum())

    @cached_property
    def _covers(self) -> dict[Cover | None, NDArray[np.bool_]]:
        """Which phases (P,) hide behind each cover; behind None those that never hide."""
        of_phase = [phase.hides_behind for phase in self.phases]
        return {
            cover: np.array([other is cover for other in of_phase], dtype=bool)
            for cover in (None, *Cover)
            if cover is None or cover in of_phase
        }

    @cached_property
    def chain_of_phase(self) -> NDArray[np.int64]:
        """(P,)."""
        of_cover = {cover: chain for chain, cover in enumerate(self.chains)}
        found = [of_cover.get(phase.hides_behind, 0) for phase in self.phases]
        return np.array(found, dtype=np.int64)

    @cached_property
    def _is_hidden(self) -> NDArray[np.bool_]:
        """(P,): what is not of the critical path."""
        hidden: NDArray[np.bool_] = self.chain_of_phase > 0
        return hidden
