"""What the model predicts for a plan, taken apart by what may be off."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.cost.phases import OVERHEAD
from shardplan.plan.ledger import Ledger
from shardplan.sharding.kind import SHARDING_TYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.cost.step import Step
    from shardplan.plan.decision import Decision
    from shardplan.sharding.kind import ShardingType


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Of W devices, P phases and K sharding types, those of the registry."""

    step: Step
    """Of the P phases, ``overhead`` among them whether the model has it or not."""
    constant_seconds: NDArray[np.float64]
    """(P,): of every plan."""
    seconds: NDArray[np.float64]
    """(K, W, P): of the tables of each type, with what is paid once for them."""
    shards: NDArray[np.float64]
    """(K, W): how many tables and column shards of each type lie on each device."""
    groups: NDArray[np.float64]
    """(K,): in how many modules each type is used."""

    @classmethod
    def of(cls, case: Case, decisions: Sequence[Decision]) -> Self:
        """Take a plan of a case apart; the parts add up to what ``predict`` says."""
        step, world = _with_overhead(case), case.topology.world
        kinds = tuple(SHARDING_TYPES)
        width = len(case.step.phases)
        seconds = np.zeros((len(kinds), world.size, len(step.phases)))
        shards, groups = np.zeros((len(kinds), world.size)), np.zeros(len(kinds))
        for position, kind in enumerate(kinds):
            mine = [each for each in decisions if each.sharding is kind]
            if not mine:
                continue
            ledger = Ledger.of(mine, case.cost_model, world)
            once = ledger.charges.total_seconds
            seconds[position, :, :width] = ledger.rank_seconds + once
            shards[position] = ledger.by_rank(_shards_each(mine, case))[:, 0]
            groups[position] = len({case.workload.tables[each.table].module for each in mine})
        constant = step.constant_seconds.copy()
        return cls(step, constant, seconds, shards, groups)

    @property
    def phases(self) -> tuple[str, ...]:
        """The names of the P phases."""
        return tuple(phase.name for phase in self.step.phases)


def kinds_of(code: int) -> ShardingType:
    """The type at a position of the K."""
    return SHARDING_TYPES[code]


def _shards_each(decisions: Sequence[Decision], case: Case) -> NDArray[np.float64]:
    """(T, 1): the column shards of a unit, on each device that it lands on."""
    world = case.topology.world
    found = []
    for each in decisions:
        dealt = each.sharding.dealt_over(world)
        found.append([each.column_shards / dealt if dealt else 1.0])
    return np.array(found, dtype=np.float64)


def _with_overhead(case: Case) -> Step:
    step = case.step
    if any(phase.name == OVERHEAD.name for phase in step.phases):
        return step
    return replace(step, phases=(*step.phases, OVERHEAD))
