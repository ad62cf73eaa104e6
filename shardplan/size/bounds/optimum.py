"""The mean device at its best: the choice of options that bounds a case, and its prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.planning.cases.open_cases import open_cases
from shardplan.planning.refusal import crowded_out
from shardplan.size.bounds.cheapest import Cheapest
from shardplan.size.bounds.means import Means
from shardplan.size.bounds.open_options import offered_options
from shardplan.size.bounds.step_bound import Proof, StepBound

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.options.option_set import OptionSet
    from shardplan.size.bounds.chain_floor import ChainFloor, ChainKey


@dataclass(frozen=True, eq=False, slots=True)
class Optimum:
    """Of the longest chain of a step, the cheapest options that all memories have room for."""

    case: Case
    """It leaves nothing open but the placement."""
    options: OptionSet
    means: Means
    chain: ChainKey
    cheapest: Cheapest

    @classmethod
    def of(cls, case: Case) -> Self | None:
        """Of the choice that is best of what a case leaves open; None where it has no plan, or
        where options were left out."""
        found = [best for each in open_cases(case) if (best := cls._of_one(each)) is not None]
        return min(found, key=lambda each: each.seconds, default=None)

    @classmethod
    def _of_one(cls, case: Case) -> Self | None:
        if crowded_out(case):
            return None
        options, is_complete = offered_options(case)
        if not is_complete or len(np.unique(options.table)) < len(case.workload.tables):
            return None
        means = Means.of(case, options)
        found = [cls(case, options, means, key, means.cheapest(key)) for key in means.floors]
        longest = max(found, key=lambda each: each.seconds)
        return longest if longest.seconds < float("inf") else None

    @property
    def seconds(self) -> float:
        """What no plan is below."""
        return self.floor.seconds + self.cheapest.cost / self.means.devices

    @property
    def floor(self) -> ChainFloor:
        """Of the chain."""
        return self.means.floors[self.chain]

    @property
    def bound(self) -> StepBound:
        """With what it is made of."""
        totals, floor = self.means.totals, self.floor
        spent = self.cheapest.share @ totals.seconds / self.means.devices
        alone = np.minimum.reduceat(totals.seconds, totals.starts, axis=0).sum(axis=0)
        names = [(n, name) for n, name in enumerate(totals.phases) if name in floor.phases]
        added = {name: float(spent[n]) for n, name in names}
        least = {name: float(alone[n]) / self.means.devices for n, name in names}
        return StepBound.of(self.case, floor.by_phase, added, least, Proof.MEANS, self.seconds)

    def repriced(self, other: Case) -> float:
        """Seconds of the same choice at the same prices of memory on another machine.

        By the envelope theorem it changes with any figure of the machine as the bound itself does,
        to first order, and no program is solved again.
        """
        means = Means.of(other, self.options)
        cost = means.chain_seconds(self.floor.phases)
        share, prices = self.cheapest.share, self.cheapest.prices
        room = share @ means.totals.memory_bytes - means.offered_bytes
        total = float(share @ cost) + float(prices @ room)
        return means.floors[self.chain].seconds + total / means.devices


def constant_step(case: Case) -> StepBound:
    """What is left where options were left out, or where there is no plan: what no placement
    changes. The options that are there include the leanest."""
    if crowded := crowded_out(case):
        return StepBound.no_plan(tuple(crowded))
    options, _ = offered_options(case)
    if len(np.unique(options.table)) < len(case.workload.tables):
        return StepBound.no_plan()
    means = Means.of(case, options)
    totals = means.totals
    nothing: NDArray[np.float64] = np.zeros(len(totals.table))
    found = Cheapest.of(nothing, totals.memory_bytes, means.offered_bytes, totals.starts)
    if found.cost == float("inf"):
        return StepBound.no_plan()
    floor = max(means.floors.values(), key=lambda each: each.seconds)
    return StepBound.of(case, floor.by_phase, {}, {}, Proof.CONSTANTS, floor.seconds)
