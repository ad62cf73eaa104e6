"""Corners of stages' seconds, above one of which every better placement is.

A *corner* is (S,) least seconds of each stage. What is proven of limits of all stages at once, that
no placement keeps them, turns every corner below them into one for each stage.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.bound.classes.item_classes import ItemClasses
    from shardplan.solve.program.answer import Answer, Limits

_SAFETY = 1e-8
_MARGIN = 1e-6
"""Relative allowance for rounding in the least seconds of a stage."""


class Above:
    """The relaxation above a corner, of all items of a class as one."""

    def __init__(self, classes: ItemClasses, limits: Limits) -> None:
        self.problem = classes.together
        self._limits = limits
        every = np.ones(self.problem.option_count, dtype=bool)
        self._program, self._columns = classes.relaxation(self.problem.objective, every)

    def least(self, corner: NDArray[np.float64], most: float) -> float | None:
        """The least seconds of the objective in placements above a corner whose objective is
        ``most``; None where there are none."""
        return self._bound(self._solved(corner, most, self._program.cost))

    def least_of_stage(self, stage: int, corner: NDArray[np.float64], most: float) -> float | None:
        """The same of the seconds of a stage."""
        cost = np.zeros(self._program.column_count)
        cost[self._columns.stage[stage]] = 1.0
        return self._bound(self._solved(corner, most, cost))

    def _solved(
        self, corner: NDArray[np.float64], most: float, cost: NDArray[np.float64]
    ) -> Answer:
        unit = self.problem.time_unit
        lower, upper = self._program.lower.copy(), self._program.upper.copy()
        lower[self._columns.stage] = corner / unit * (1 - _MARGIN)
        upper[self._columns.objective] = most / unit
        return solve_program(
            replace(self._program, cost=cost, lower=lower, upper=upper), self._limits
        )

    def _bound(self, answer: Answer) -> float | None:
        if answer.status is Status.INFEASIBLE:
            return None
        if answer.status is not Status.OPTIMAL:
            return 0.0
        return answer.bound * self.problem.time_unit * (1 - _SAFETY)


class Corners:
    """Corners above one of which every placement better than ``upper_bound`` is."""

    def __init__(self, above: Above, upper_bound: float) -> None:
        self._above, self._upper = above, upper_bound
        stages = above.problem.stage_count
        self._corner = np.zeros((1, stages))
        self._objective = np.zeros(1)
        self._is_known = np.zeros(1, dtype=bool)

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self._objective)

    @property
    def bound(self) -> float:
        """The least objective above any corner."""
        return float(self._objective.min(initial=self._upper))

    def least(self) -> NDArray[np.float64] | None:
        """(S,): the corner with the least objective; None where there is no corner left."""
        while len(self._objective):
            at = int(self._objective.argmin())
            if self._is_known[at]:
                found: NDArray[np.float64] = self._corner[at]
                return found
            self._look_at(at)
        return None

    def most(self, corner: NDArray[np.float64]) -> NDArray[np.float64]:
        """(S,): what each stage takes at most above a corner, in placements that are better."""
        objective = self._above.problem.objective
        room = self._upper - objective.chains(corner)
        own = np.where(objective.in_chain, room[None, :], np.inf).min(axis=1)
        most: NDArray[np.float64] = corner + own.clip(min=0.0)
        return most

    def raise_above(self, limits: NDArray[np.float64]) -> None:
        """Take it that no placement keeps ``limits`` (S,).

        Corners that another one is below, in all stages, say nothing of their own.
        """
        below: NDArray[np.bool_] = np.logical_and.reduce(self._corner < limits, axis=1)
        raised, objective = [], []
        for corner, known in zip(self._corner[below], self._objective[below], strict=True):
            for stage in np.flatnonzero(limits < self.most(corner)).tolist():
                child = corner.copy()
                child[stage] = limits[stage]
                raised.append(child)
                objective.append(known)
        self._keep(~below)
        for child, known in sorted(zip(raised, objective, strict=True), key=lambda each: each[1]):
            if not (self._corner <= child).all(axis=1).any():
                self._corner = np.vstack([self._corner, child])
                self._objective = np.append(self._objective, known)
                self._is_known = np.append(self._is_known, False)

    def _look_at(self, at: int) -> None:
        """Tighten a corner by the relaxation; drop it where no placement above it is better."""
        corner = self._corner[at].copy()
        found = self._above.least(corner, self._upper)
        for stage in range(len(corner)):
            if found is None:
                break
            least = self._above.least_of_stage(stage, corner, self._upper)
            found = found if least is not None else None
            corner[stage] = max(corner[stage], least or 0.0)
        if found is None or found >= self._upper:
            self._keep(np.arange(len(self._objective)) != at)
            return
        chains = self._above.problem.objective.chains(corner).max()
        self._corner[at] = corner
        self._objective[at] = max(self._objective[at], found, float(chains) * (1 - _SAFETY))
        self._is_known[at] = True
        if self._objective[at] >= self._upper:
            self._keep(np.arange(len(self._objective)) != at)

    def _keep(self, kept: NDArray[np.bool_]) -> None:
        self._corner = self._corner[kept]
        self._objective = self._objective[kept]
        self._is_known = self._is_known[kept]
