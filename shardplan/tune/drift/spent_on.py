"""What the phases of a plan are spent on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.plan.ledger import Ledger
from shardplan.tune.candidates.candidate import decisions_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.cost.phase import Phase
    from shardplan.plan.file.plan import Plan
    from shardplan.sharding.kernel import Kernel
    from shardplan.sharding.kind import ShardingType


@dataclass(frozen=True, eq=False)
class SpentOn:
    """P phases on W devices, by G groups of tables with one sharding type and kernel, that pool or
    do not."""

    phases: tuple[Phase, ...]
    groups: tuple[tuple[ShardingType, Kernel, bool], ...]
    seconds: NDArray[np.float64]
    """(G, W, P): as the cost model predicts them, with what is paid once for a group."""

    @classmethod
    def of(cls, case: Case, plan: Plan) -> Self:
        """Of a plan of a case; raises ValueError where it is none."""
        decisions, world = decisions_of(plan, case), case.topology.world
        tables = case.workload.tables
        kinds = [
            (each.sharding, each.kernel, tables[each.table].collection.is_pooled)
            for each in decisions
        ]
        groups = tuple(dict.fromkeys(kinds))
        seconds = np.zeros((len(groups), world.size, len(case.step.phases)))
        for position, group in enumerate(groups):
            mine = [each for each, own in zip(decisions, kinds, strict=True) if own == group]
            ledger = Ledger.of(mine, case.cost_model, world)
            seconds[position] = ledger.rank_seconds + ledger.charges.total_seconds
        return cls(case.step.phases, groups, seconds)

    def parts(self, name: str) -> dict[str, NDArray[np.float64]]:
        """What a phase is spent on, in words, and the seconds of each device (W,).

        Of an exchange that is a collective for tables of a type, of other phases a kernel for them.
        """
        found: dict[str, NDArray[np.float64]] = {}
        for at, phase in enumerate(self.phases):
            if phase.name != name:
                continue
            for group, seconds in zip(self.groups, self.seconds[:, :, at], strict=True):
                kind, kernel, is_pooled = group
                if seconds.any():
                    exchange = phase.exchange_of(kind, is_pooled)
                    with_ = f"{exchange.collective} of {kind}" if exchange else f"{kind} {kernel}"
                    found[with_] = found.get(with_, 0.0) + seconds
        return found

    def is_exchange(self, name: str) -> bool:
        """Whether devices wait for one another in a phase: each takes what the slowest does."""
        return any(phase.name == name and phase.exchanges for phase in self.phases)
