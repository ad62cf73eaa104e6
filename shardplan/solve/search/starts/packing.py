"""A placement that fits, where none is known: units packed by integer program, whatever they cost.

Where memory is nearly full in total, few combinations of cuts fit, and a search that changes one
item after another does not find them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from shardplan.solve.exact.assignment import assignment
from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program
from shardplan.solve.search.move import SEARCHING, Move, When

if TYPE_CHECKING:
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.move import Turn
    from shardplan.solve.search.record import Record

_NOTHING = 1e-6
"""A share of a device's memory that rounding alone can leave."""


@dataclass(frozen=True, slots=True)
class Packing(Move):
    """Pack units by program, where no placement is known."""

    name: ClassVar[str] = "packing"
    when: ClassVar[When] = When.START
    methods: ClassVar[frozenset[str]] = SEARCHING | {"milp"}

    most_columns: int = 20_000
    """Options times places, beyond which the program takes too long."""
    nodes: int = 500
    """Of its tree, when the caller does not limit them."""

    def improve(self, record: Record, turn: Turn) -> None:
        """Offer a placement for which the fullest device lacks least; if nothing, it fits.

        That some memory lacks in any case is a proof that there is no placement.
        """
        problem = record.problem
        if (
            record.placement is not None
            or not problem.device_capacity.any()
            or _columns(problem) > self.most_columns
        ):
            return
        record.reporter.starting("packing")
        model = assignment(problem, elastic=[("device_memory", 0)])
        answer = solve_program(
            model.program,
            record.limits(record.budget.nodes(self.nodes), _NOTHING),
            watch=record.watch_only(),
            seed=record.budget.seed,
        )
        if answer.status is Status.INFEASIBLE or answer.bound > _NOTHING:
            record.prove(float("inf"), "integer program")
        elif answer.x is not None:
            record.offer(model.placement(answer.x), "packing")


def _columns(problem: Problem) -> int:
    """How many whole variables the integer program has: one per option and place."""
    places = np.array([problem.device_count, problem.node_count, 0])
    return int((places[problem.shape] + 1).sum())
