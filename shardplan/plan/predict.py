"""What a plan costs, from its decisions alone: no solver's arithmetic is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.cost.cost_model import Phase
    from shardplan.plan.decision import Decision
    from shardplan.workload.training import Training


@dataclass(frozen=True, slots=True)
class Prediction:
    """The cost of a plan: W ranks on N nodes, P phases, 3 tiers."""

    phases: tuple[Phase, ...]
    rank_seconds: NDArray[np.float64]
    """(W, P): what each rank spends in each phase, the phase's constant included."""
    rank_memory_bytes: NDArray[np.float64]
    """(W, 3): shards, buffers and what a device needs anyway; the reserve is not counted."""
    node_memory_bytes: NDArray[np.float64]
    """(N, 3): the sum over the ranks of each node."""
    dense_seconds: float
    step_seconds: float
    balance_seconds: float

    @property
    def phase_seconds(self) -> NDArray[np.float64]:
        """(P,): what each phase takes: the time of its slowest rank."""
        slowest: NDArray[np.float64] = self.rank_seconds.max(axis=0)
        return slowest


def predict(case: Case, decisions: Sequence[Decision]) -> Prediction:
    """Sum up the units of all decisions per rank, and from that the step.

    A rank also waits for what units on the other ranks of its node use of the memory they share.

    The step's time is the longer of its critical path and of what hides behind the batch before::

        critical   = dense + sum over the phases that do not overlap of (constant + max over ranks)
        overlapped = the same sum over the phases that do
        step       = max(critical, overlapped) when pipelined, critical + overlapped when not

    and ``balance`` is the largest sum over phases of any one rank, overlapped phases left out when
    pipelined (TorchRec's objective, planner/perf_models.py).
    """
    phases, training = case.cost_model.phases, case.workload.training
    ledger = Ledger.of(decisions, case.cost_model, case.topology.world)
    seconds = ledger.rank_seconds + np.array([phase.constant_seconds for phase in phases])
    memory = ledger.rank_bytes + case.cost_model.base_memory_bytes
    return Prediction(
        phases=phases,
        rank_seconds=seconds,
        rank_memory_bytes=memory,
        node_memory_bytes=memory.reshape(case.topology.nodes, -1, memory.shape[1]).sum(axis=1),
        dense_seconds=training.dense_seconds,
        step_seconds=_step_seconds(phases, seconds, training),
        balance_seconds=_balance_seconds(phases, seconds, training),
    )


def _step_seconds(
    phases: Sequence[Phase], rank_seconds: NDArray[np.float64], training: Training
) -> float:
    overlapped = np.array([phase.overlapped for phase in phases], dtype=bool)
    slowest = rank_seconds.max(axis=0)
    critical = float(slowest[~overlapped].sum()) + training.dense_seconds
    hidden = float(slowest[overlapped].sum())
    return max(critical, hidden) if training.is_pipelined else critical + hidden


def _balance_seconds(
    phases: Sequence[Phase], rank_seconds: NDArray[np.float64], training: Training
) -> float:
    counted = np.array([not (phase.overlapped and training.is_pipelined) for phase in phases])
    return float(rank_seconds[:, counted].sum(axis=1).max()) + training.dense_seconds
