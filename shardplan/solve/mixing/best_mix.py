"""How much of each option that can be mixed: the best for a placement, by linear programming.

Where units lie is given; what is left to decide are the proportions in each blend, such as the
sizes of caches. Devices compete through the slowest one of each stage, and items through the memory
of a device or node. With one stage and one device this is the fractional knapsack over the segments
of the items' access distributions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.mixing.mix_rows import MixRows
from shardplan.solve.mixing.room import MARGIN, Room
from shardplan.solve.problem.placement import Placement
from shardplan.solve.problem.variants import paying
from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program
from shardplan.solve.program.program import ProgramBuilder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.program.answer import Limits
    from shardplan.solve.program.program import Program

_SLACK = 1e-7
"""By how much the objective may be longer than at its best while something else is made least."""
_ADDED_UP = 1e-6
"""By how much proportions may miss one together."""
_LEAST_TIME = 1e-12
"""The same for a stage without any load, in units of the program."""


class Spare(Enum):
    """What is made least without making the objective longer."""

    WORK = "work"
    """The loads of all devices: a plan does nothing for nothing."""
    BYTES = "bytes"
    """What lies in the memory of devices: a search finds room where there is some."""


def best_mix(
    problem: Problem,
    placement: Placement,
    spare: Spare | None = None,
    *,
    limits: Limits | None = None,
) -> Placement:
    """The placement with proportions that make the objective least, and then what to ``spare``.

    Options that cannot be mixed stay as they are, and so do items that lie where all is full. Where
    no proportions fit into memory, the placement comes back unmixed; where the ``limits`` leave no
    time, as it is.
    """
    items = np.flatnonzero(problem.mixable[placement.option])
    if not len(items):
        return placement
    room = Room.of(problem, placement, items)
    if not len(room.items):
        return placement
    mix = _Mix.of(problem, placement, room)
    answer = solve_program(mix.program, limits)
    if answer.status is Status.INFEASIBLE:
        return placement.unmixed
    if answer.status is not Status.OPTIMAL or not mix.is_whole(answer.x):
        return placement
    x = answer.x
    assert x is not None
    if spare is not None:
        again = solve_program(mix.sparing(spare, x), limits)
        if again.status is Status.OPTIMAL and again.x is not None and mix.is_whole(again.x):
            x = again.x
    return mix.placement(x)


@dataclass(frozen=True, slots=True)
class BestSeconds:
    """What the best proportions reach, and where more memory would go."""

    objective: float
    """Seconds."""
    more_bytes: NDArray[np.float64]
    """(D, T): of the bytes lent, how many each device takes."""


def best_seconds(
    problem: Problem,
    placement: Placement,
    *,
    more_bytes: float = 0.0,
    lent_bytes: float = 0.0,
    limits: Limits | None = None,
) -> BestSeconds | None:
    """The least objective of all proportions, were memory larger than it is.

    ``more_bytes`` are added to each tier of every device. ``lent_bytes`` of each tier are there
    once, and go to the devices where they make the objective least. None where no proportions fit,
    or the ``limits`` leave no time.
    """
    larger = replace(problem, device_capacity=problem.device_capacity + more_bytes)
    lent = replace(problem, device_capacity=larger.device_capacity + lent_bytes)
    items = np.flatnonzero(problem.mixable[placement.option])
    free = Room.of(lent, placement, items).items
    mix = _Mix.of(larger, placement, Room.around(larger, placement, free), lent_bytes)
    answer = solve_program(mix.program, limits)
    if answer.status is not Status.OPTIMAL or answer.x is None:
        return None
    return BestSeconds(
        answer.objective * mix.problem.time_unit, answer.x[mix.lent] * _unit_bytes(larger)
    )


@dataclass(frozen=True, slots=True)
class _Columns:
    """Where the variables stand that the objective depends on."""

    y: NDArray[np.int64]
    """(O,): -1 for options that are not mixed."""
    stage: NDArray[np.int64]
    """(S,)"""
    paid: NDArray[np.int64]
    """(G,): of groups of which it is not known whether they are paid for."""
    objective: int


@dataclass(frozen=True)
class _Mix:
    """The program and where its variables stand."""

    problem: Problem
    start: Placement
    program: Program
    options: NDArray[np.int64]
    """Those that may be mixed; the columns of the program begin with them."""
    columns: _Columns
    lent: NDArray[np.int64]
    """(D, T): columns for the memory that each device takes of what is lent."""

    @classmethod
    def of(
        cls,
        problem: Problem,
        start: Placement,
        within: Room,
        lent_bytes: float = 0.0,
    ) -> _Mix:
        """Proportions of the items that are free, each within the blend of its option.

        What options are charged for is so known, and part of the problem's constants.
        """
        problem = paying(problem, start.option)
        items = within.items
        chosen = np.full(problem.item_count, -1)
        chosen[items] = problem.blend[start.option[items]]
        options = np.flatnonzero(problem.blend == chosen[problem.item_of_option])
        build = ProgramBuilder()
        w = build.add_columns("w", [options], upper=1.0)
        stage = build.add_columns("M", [np.arange(problem.stage_count)])
        objective = int(build.add_columns("objective", [np.array([0])], cost=1.0)[0])
        y = np.full(problem.option_count, -1)
        y[options] = w
        whole = build.add_rows("whole", [items], lower=1.0, upper=1.0)
        build.add_entries(whole[np.searchsorted(items, problem.item_of_option[options])], w, 1.0)
        paid = problem.objective.add_paid(build)
        columns = _Columns(y, stage, paid, objective)
        problem.objective.add_chains(build, columns, problem.item_of_option, problem.time_unit)
        rows = MixRows(problem, start, items, options, w)
        unit = np.full(problem.stage_count, problem.time_unit)
        spill = problem.spill_seconds / unit if problem.has_spill else None
        rows.add(build, "stage", problem.own_seconds / unit, None, stage, spill)
        scale = _unit_bytes(problem)
        room = within.device_bytes / scale
        memory = rows.add(build, "device_memory", problem.device_bytes / scale, room, None)
        lent = _lend(build, memory, lent_bytes / scale * MARGIN)
        scale = problem.node_capacity.max(axis=0, initial=1.0)
        room = within.node_bytes / scale
        rows.add_to_nodes(build, "node_memory", problem.node_bytes / scale, room)
        return cls(problem, start, build.build(), options, columns, lent)

    def sparing(self, spare: Spare, x: NDArray[np.float64]) -> Program:
        """The objective may be as long as in ``x``; what to ``spare`` is made least."""
        problem, program = self.problem, self.program
        upper, cost = program.upper.copy(), np.zeros(program.column_count)
        if spare is Spare.WORK:
            stage = self.columns.stage
            upper[stage] = x[stage] * (1 + _SLACK) + _LEAST_TIME
            spent = problem.total_load_seconds
        else:
            objective = self.columns.objective
            upper[objective] = x[objective] * (1 + _SLACK)
            spent = problem.total_device_bytes / problem.device_capacity.max(axis=0).clip(min=1.0)
        of_options = spent[self.options].sum(axis=1)
        cost[: len(self.options)] = of_options / (float(of_options.max()) or 1.0)
        return replace(program, cost=cost, upper=upper)

    def is_whole(self, x: NDArray[np.float64] | None) -> bool:
        """Whether the proportions of each item add up: a program that the clock cuts off may be
        called solved with others."""
        if x is None:
            return False
        items = self.problem.item_of_option[self.options]
        begins = np.flatnonzero(np.diff(items, prepend=-1))
        mixed = np.add.reduceat(x[: len(self.options)], begins)
        return bool((np.abs(mixed - 1.0) <= _ADDED_UP).all())

    def placement(self, x: NDArray[np.float64]) -> Placement:
        """The start with the proportions of ``x``; of each item its largest is its option."""
        problem, start = self.problem, self.start
        weights = np.zeros(problem.option_count)
        weights[start.option] = 1.0
        weights = weights if start.weights is None else start.weights.copy()
        weights[self.options] = x[: len(self.options)].clip(0.0)
        total = np.add.reduceat(weights, problem.option_offsets[:-1])
        weights /= total[problem.item_of_option]
        return Placement(problem.largest(weights), start.unit_offsets, start.targets, weights)


def _unit_bytes(problem: Problem) -> NDArray[np.float64]:
    """(T,): what programs count the memory of devices in."""
    unit: NDArray[np.float64] = problem.device_capacity.max(axis=0, initial=1.0)
    return unit


def _lend(
    build: ProgramBuilder, memory: NDArray[np.int64], lent: NDArray[np.float64]
) -> NDArray[np.int64]:
    """(D, T): columns for what each row of ``memory`` (D, T) is eased by; ``lent`` (T,) in all."""
    place, tier = (part.ravel() for part in np.indices(memory.shape))
    taken = build.add_columns("lent", [place, tier], upper=lent[tier]).reshape(memory.shape)
    build.add_entries(memory, taken, -1.0)
    in_all = build.add_rows("lent_in_all", [np.arange(len(lent))], upper=lent)
    build.add_entries(in_all[None, :], taken, 1.0)
    return taken
