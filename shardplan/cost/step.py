"""How the phases of a step combine into its time."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.cost.phases import chain_of, cover_sets
from shardplan.cost.stages import Stages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from shardplan.cost.phase import Phase
    from shardplan.workload.pipeline.cover import Cover


@dataclass(frozen=True, eq=False)
class Step:
    """P phases and the dense part; each phase waits for the slowest of W devices.

    The step's time is that of its longest chain of phases: of its critical path, and of what hides
    behind each ``Cover``::

        critical = dense + sum over the phases that do not hide of (constant + slowest)
        hidden_c = the same sum over the phases that hide behind cover c
        step     = max(critical, hidden_c of each c)

    where without a pipeline what needs one is added to the critical path. What hides behind a part
    of the critical path alone (``COVERED``) takes the place of that part in its chain, in all
    combinations of such parts. ``balance`` is the
    largest sum over the phases of the critical path of any one device (TorchRec's objective,
    planner/perf_models.py).

    Seconds of devices, (W, P) each, are with the phases' constants.
    """

    phases: tuple[Phase, ...]
    dense_seconds: float
    is_pipelined: bool
    dense_shares: Mapping[Cover, float] = field(default_factory=dict)
    """Of the dense part's seconds, those of each part of it that something hides behind."""

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

    def dense_share(self, device_seconds: NDArray[np.float64]) -> float:
        """Of the dense part's seconds, those that the step waits for: none where all of it hides
        behind what usually hides."""
        longest = self.chain_seconds(device_seconds).argmax()
        return float(self._share_of_chain[longest])

    def is_dense_hidden(self, device_seconds: NDArray[np.float64]) -> bool:
        """Whether the step waits for what hides, and the dense part hides behind it."""
        return not self.dense_share(device_seconds)

    def waits_for(self, device_seconds: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(P,): the phases of the longest chain, which the step waits for."""
        longest: NDArray[np.bool_] = self._in_chain[:, self.chain_seconds(device_seconds).argmax()]
        return longest

    @cached_property
    def chains(self) -> tuple[frozenset[Cover], ...]:
        """What the phases of each of C chains hide behind; the critical path, behind nothing, is
        first."""
        used = (phase.hides_behind for phase in self.phases)
        return cover_sets(c for c in used if c and (self.is_pipelined or not c.needs_pipeline))

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
        hides = frozenset().union(*self.chains)
        own = {
            phase.name: phase.hides_behind if phase.hides_behind in hides else None
            for phase in self.phases
        }
        chains = [chain_of(own, chain) for chain in self.chains]
        return np.array([[name in chain for chain in chains] for name in own], dtype=bool)

    @cached_property
    def _share_of_chain(self) -> NDArray[np.float64]:
        """(C,): of the dense part's seconds, those that are in a chain."""
        shares = self.dense_shares
        return np.array(
            [
                1.0 - sum(shares.get(cover, 0.0) for cover in chain)
                if all(cover.is_part for cover in chain)
                else 0.0
                for chain in self.chains
            ]
        )

    @property
    def _dense_of_chain(self) -> NDArray[np.float64]:
        """(C,)."""
        return self.dense_seconds * self._share_of_chain

    @cached_property
    def _is_hidden(self) -> NDArray[np.bool_]:
        """(P,): what is not of the critical path."""
        hidden: NDArray[np.bool_] = ~self._in_chain[:, 0]
        return hidden
