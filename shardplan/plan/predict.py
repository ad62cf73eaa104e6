"""What a plan costs, from its decisions alone: no solver's arithmetic is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.plan.ledger import Ledger

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.cost.cost_model import Charges
    from shardplan.cost.dense_costs import DenseCosts
    from shardplan.cost.phase import Phase
    from shardplan.plan.decision import Decision


@dataclass(frozen=True, slots=True)
class Prediction:
    """The cost of a plan: W ranks on N nodes, P phases, 3 tiers."""

    phases: tuple[Phase, ...]
    rank_seconds: NDArray[np.float64]
    """(W, P): what each rank spends in each phase, the phase's constant and charges included."""
    rank_memory_bytes: NDArray[np.float64]
    """(W, 3): shards, buffers and what a device needs anyway; the reserve is not counted."""
    node_memory_bytes: NDArray[np.float64]
    """(N, 3): the sum over the ranks of each node."""
    charges: Charges
    """What is paid once for tables that are sharded alike; of T options, one for each table."""
    dense: DenseCosts
    step_seconds: float
    balance_seconds: float

    @property
    def dense_seconds(self) -> float:
        """What the step spends outside the tables."""
        return self.dense.seconds

    @property
    def phase_seconds(self) -> NDArray[np.float64]:
        """(P,): what each phase takes: the time of its slowest rank."""
        slowest: NDArray[np.float64] = self.rank_seconds.max(axis=0)
        return slowest


def predict(case: Case, decisions: Sequence[Decision]) -> Prediction:
    """Sum up the units of all decisions per rank, and from that the step.

    A rank also waits for what units on the other ranks of its node use of the memory they share.
    """
    step, ledger = case.step, Ledger.of(decisions, case.cost_model, case.topology.world)
    charges = ledger.charges
    seconds = ledger.rank_seconds + (step.constant_seconds + charges.total_seconds)
    memory = ledger.rank_bytes + case.cost_model.base_memory_bytes
    return Prediction(
        phases=step.phases,
        rank_seconds=seconds,
        rank_memory_bytes=memory,
        node_memory_bytes=memory.reshape(case.topology.nodes, -1, memory.shape[1]).sum(axis=1),
        charges=charges,
        dense=case.cost_model.dense,
        step_seconds=step.seconds(seconds),
        balance_seconds=step.balance_seconds(seconds),
    )
