"""What a plan costs, from its decisions alone: no solver's arithmetic is trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.plan.decision import options_of
from shardplan.sharding.kind import ShardingType

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.cost.phase import Phase
    from shardplan.plan.decision import Decision

_ON_DEVICES = (ShardingType.TABLE_WISE, ShardingType.COLUMN_WISE)
_ON_NODES = (
    ShardingType.TABLE_ROW_WISE,
    ShardingType.TABLE_COLUMN_WISE,
    ShardingType.GRID_SHARD,
)


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
    """
    ranks, each = case.topology.world_size, case.topology.devices_per_node
    step, costs = case.step, case.cost_model.unit_costs(options_of(decisions))
    seconds = _per_rank(decisions, costs.load_seconds, ranks, each)
    if costs.has_spill:
        seconds += _from_neighbours(decisions, costs.spill_seconds, ranks, each)
    seconds += step.constant_seconds
    memory = _per_rank(decisions, costs.memory_bytes, ranks, each)
    memory += case.cost_model.base_memory_bytes
    return Prediction(
        phases=step.phases,
        rank_seconds=seconds,
        rank_memory_bytes=memory,
        node_memory_bytes=memory.reshape(-1, each, memory.shape[1]).sum(axis=1),
        dense_seconds=step.dense_seconds,
        step_seconds=step.seconds(seconds),
        balance_seconds=step.balance_seconds(seconds),
    )


def _per_rank(
    decisions: Sequence[Decision], per_unit: NDArray[np.float64], ranks: int, each: int
) -> NDArray[np.float64]:
    """(W, K): ``per_unit`` (decisions, K) summed over the units that land on each rank."""
    on_rank = np.zeros((ranks, per_unit.shape[1]))
    on_node = np.zeros((ranks // each, per_unit.shape[1]))
    on_all = np.zeros(per_unit.shape[1])
    for decision, cost in zip(decisions, per_unit, strict=True):
        if decision.sharding in _ON_DEVICES:
            for device in decision.targets:
                on_rank[device] += cost
        elif decision.sharding in _ON_NODES:
            for node in decision.targets:
                on_node[node] += cost
        else:
            on_all += cost
    return on_rank + np.repeat(on_node, each, axis=0) + on_all


def _from_neighbours(
    decisions: Sequence[Decision], spill: NDArray[np.float64], ranks: int, each: int
) -> NDArray[np.float64]:
    """(W, P): ``spill`` (decisions, P) summed over the units on the other ranks of each node."""
    own = np.zeros((ranks, spill.shape[1]))
    for decision, seconds in zip(decisions, spill, strict=True):
        if decision.sharding in _ON_DEVICES:
            for device in decision.targets:
                own[device] += seconds
    of_node = own.reshape(-1, each, spill.shape[1]).sum(axis=1)
    return np.repeat(of_node, each, axis=0) - own
