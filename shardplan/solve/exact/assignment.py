"""The exact integer program: which option each item takes and where each unit of it lands.

    minimise    objective
    choose      sum over options of item i of y[o] = 1                       for every item
    land        sum over places of x[o, place] = units[o] * y[o]             for every placed option
    stage       load of device d in stage s <= M[s]                          for every (d, s)
    spilt       what units on node n spill in stage s = spill[n, s]          for every (n, s)
    chain       chain_seconds[c] + sum over stages of chain c of (M[s] + sum over groups of
                charge[g, s] * paid[g]) <= objective
    pays        sum over options of item i in group g of y[o] <= paid[g]     for every (i, g)
    device_memory, node_memory     bytes on a device, on a node <= capacity
    apart       units of an apart-group on a device <= 1

Options that can be mixed have continuous ``y`` and ``x``; whole are their sums ``z`` over a blend
and ``n`` over a blend and place. Units of one item that lie on several places may then be mixed
differently there, so that the program is a relaxation, and a plan made of it is mixed again.

Time is counted in units of ``Problem.time_unit``, memory in shares of the largest capacity. A place
is a device for units that land on one device and a node for units that land on all devices
of one; all-device options have no ``x``. Places outside an option's domain have no variable. Where
units spill on the other devices of a node, ``spill`` is part of the load of all its devices.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.exact.columns import AssignmentColumns
from shardplan.solve.exact.rows import (
    add_apart,
    add_blends,
    add_choice,
    add_cuts,
    add_memory,
    add_time,
)
from shardplan.solve.problem.placement import Placement, evaluate, per_node
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.program import Program, ProgramBuilder

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Assignment:
    """The program and where its variables stand."""

    program: Program
    columns: AssignmentColumns

    def placement(self, values: NDArray[np.float64]) -> Placement:
        """The placement that a point of the program stands for; mixed options are the largest."""
        at, problem = self.columns, self.columns.problem
        share = np.where(at.y >= 0, values[at.y], -1.0)
        option = problem.largest(share)
        ways, way = np.unique(
            np.column_stack([problem.blend[at.x_option], at.x_place]),
            axis=0,
            return_inverse=True,
        )
        units = np.zeros(len(ways))
        np.add.at(units, way.reshape(-1), values[at.x])
        count = np.rint(units).astype(np.int64)
        owner = np.full(problem.blend.max(initial=0) + 1, -1)
        owner[problem.blend[option]] = np.arange(problem.item_count)
        item = np.repeat(owner[ways[:, 0]], count)
        place = np.repeat(ways[:, 1], count)
        return Placement.of(option, [place[item == i] for i in range(problem.item_count)])

    def point(self, placement: Placement) -> NDArray[np.float64]:
        """The point of the program that stands for an unmixed placement made of its options."""
        at, problem = self.columns, self.columns.problem
        values = np.zeros(self.program.column_count)
        values[at.y[placement.option]] = 1.0
        column = dict(
            zip(
                zip(at.x_option.tolist(), at.x_place.tolist(), strict=True),
                at.x.tolist(),
                strict=True,
            )
        )
        for item, option in enumerate(placement.option.tolist()):
            for place in placement.targets_of(item).tolist():
                values[column[option, place]] += 1.0
        evaluation = evaluate(problem, placement)
        unit = problem.time_unit
        values[at.stage] = evaluation.load_seconds.max(axis=0) / unit
        values[at.paid] = problem.objective.uses(placement.option) > 0
        values[at.objective] = evaluation.objective / unit
        everywhere = placement.option[problem.shape[placement.option] == Shape.ALL]
        values[at.base] = problem.load_seconds[everywhere].sum(axis=0) / unit
        if len(at.spill):
            of_item = problem.spill_seconds[placement.option] / unit
            values[at.spill] = per_node(problem, placement, of_item)
        return values


def assignment(
    problem: Problem,
    allowed: NDArray[np.bool_] | None = None,
    *,
    cuts: bool = True,
    elastic: Collection[tuple[str, int]] = (),
    named: bool = False,
) -> Assignment:
    """Build the program over the ``allowed`` (O,) options, all by default.

    ``cuts`` adds the rows of the relaxation over options, which the program implies but its own
    linear relaxation does not. ``elastic`` names tiers, each by the family of its memory rows and
    its position, and asks another question: not for the shortest step, but for the least share of
    that memory that every device, or node, would need more.
    """
    allowed = np.ones(problem.option_count, bool) if allowed is None else allowed
    build = ProgramBuilder(named=named)
    options = np.flatnonzero(allowed)
    columns = AssignmentColumns.added_to(build, problem, options, elastic=bool(elastic))
    add_choice(build, columns, options)
    add_blends(build, columns, options)
    if not elastic:
        add_time(build, columns, options)
    add_memory(build, columns, options, elastic=elastic)
    add_apart(build, columns)
    if cuts and not elastic:
        add_cuts(build, columns, options)
    return Assignment(build.build(), columns)
