"""What the row blocks of a formulation's options really put on the devices that hold them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.placement import device_counts
from shardplan.spec.objective import Objective

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.planning.formulation import Formulation
    from shardplan.solve.problem.placement import Placement


@dataclass(frozen=True)
class UnevenBlocks:
    """By how much less than the first the row blocks of uneven options load their devices.

    The problem charges all devices that a unit lands on as the first of them.
    """

    case: Case
    formulation: Formulation
    _known: dict[int, NDArray[np.float64]] = field(default_factory=dict)

    def of_option(self, option: int) -> NDArray[np.float64]:
        """(width, S): never positive; by device of those that a unit lands on."""
        if option not in self._known:
            self._work_out(np.array([option]))
        return self._known[option]

    def of_placement(self, placement: Placement) -> NDArray[np.float64]:
        """(D, S): what it comes to on each device."""
        problem = self.formulation.problem
        weights = placement.weights
        if weights is None:
            weights = np.zeros(problem.option_count)
            weights[placement.option] = 1.0
        used = np.flatnonzero((weights > 0) & problem.has_uneven_units)
        self._work_out(used[~np.isin(used, list(self._known))])
        total = np.zeros((problem.device_count, problem.stage_count))
        counts = device_counts(problem, placement)
        for option in used.tolist():
            width = int(problem.width[option])
            there = counts[problem.item_of_option[option]].astype(np.float64) * weights[option]
            total += there[:, None] * np.tile(self._known[option], (len(total) // width, 1))
        return total

    def _work_out(self, options: NDArray[np.int64]) -> None:
        """Ask the cost model for all of them at once."""
        if not len(options):
            return
        problem, rows = self.formulation.problem, self.formulation.members[options]
        owner = np.repeat(np.arange(len(options)), (rows >= 0).sum(axis=1))
        cut = self.formulation.options.take(rows[rows >= 0])
        model = self.case.cost_model
        costs = model.block_costs(cut)
        charged = model.unit_costs(cut).load_seconds[costs.option]
        is_balance = self.case.objective is Objective.BALANCE
        stages = self.case.step.balance_stages if is_balance else self.case.step.stages
        less = (costs.load_seconds - charged) @ stages.of_phase
        owner = owner[costs.option]
        for number, option in enumerate(options.tolist()):
            own = owner == number
            found = np.zeros((int(problem.width[option]), problem.stage_count))
            np.add.at(found, costs.block[own], less[own])
            self._known[option] = found
