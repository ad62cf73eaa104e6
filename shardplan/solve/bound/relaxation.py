"""The linear relaxation over options: a lower bound, and which options a good plan is made of.

Variables are the share ``y`` of each option, the load ``M`` of each stage's slowest device and the
base load ``B`` that all-device options put on every device. No device appears: an option's total
load over the number of devices is what the average device bears, and the slowest bears at least
that. Three families of rows bound ``M`` from below:

* average: ``M[s] >= B[s] + sum over other options of y * total load / D``;
* unit: ``M[s] >= B[s] + sum over options of item i of y * load of its fullest device``, for every
  item, since some device holds that unit beside the base;
* where row blocks are not alike, the averages of all options together, what devices bear of the
  all-device ones of which they have the fullest block, and each item's fullest device alone bound
  it in their stead;
* and the memory rows: all bytes fit in all capacities; where moves are limited, a row for these.

What is charged once for a group of options is paid for in part, by the largest share that any item
has of them; ``whole_groups`` pays for it wholly or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.averages import averages
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program
from shardplan.solve.program.program import ProgramBuilder

if TYPE_CHECKING:
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.solve.bound.move_limit import MoveLimit
    from shardplan.solve.program.answer import Answer, Limits
    from shardplan.solve.program.program import Program

_SAFETY = 1e-9
"""Relative allowance for the linear solver's rounding, taken off every bound."""

RELAXATION_ROUNDS = 12
"""Rounds of adding violated unit rows; each round tightens the bound, and any round is valid."""
_MOST_PLACES = 8
"""Devices that have a row of their own for what they bear, besides the first."""
_VIOLATION = 1e-7
"""By how much of its stage a unit row must be broken to be added."""
_SHORT_STAGE = 1e-3
"""Of the longest stage: shorter ones count as if they lasted so long."""
_OPTIONS_A_SECOND = 50_000
"""That a linear program has for each second that is left, at most: those of larger ones are over
before HiGHS looks at the clock."""


@dataclass(frozen=True, slots=True)
class Relaxation:
    """The optimum of the relaxation."""

    lower_bound: float
    """Seconds; infinite when even the relaxation is infeasible, which proves that all is."""
    share: NDArray[np.float64]
    """(O,): how much of each option the relaxed optimum uses; sums to 1 over an item."""
    reduced_cost: NDArray[np.float64]
    """(O,): by how much the bound rises, at least, when the option is chosen."""
    stage_max: NDArray[np.float64]
    """(S,): the load of each stage's slowest device in the relaxed optimum."""
    unit_rows: NDArray[np.int64]
    """(n, 2): the (item, stage) pairs whose unit rows hold up the bound."""

    @classmethod
    def without_bound(cls, problem: Problem, lower_bound: float) -> Self:
        """What is known before, or without, an optimum: every option may be worth trying."""
        nothing, no_time = np.zeros(problem.option_count), np.zeros(problem.stage_count)
        no_rows = np.zeros((0, 2), dtype=np.int64)
        return cls(lower_bound, nothing, nothing, no_time, no_rows)

    @classmethod
    def of_averages(cls, problem: Problem, allowed: NDArray[np.bool_]) -> Self:
        """What is known of the ``allowed`` (O,) options without a program."""
        lower_bound, raised, is_least = averages(problem, allowed)
        share = is_least.astype(np.float64)
        stage_max = share @ problem.total_load_seconds / problem.device_count
        no_rows = np.zeros((0, 2), dtype=np.int64)
        return cls(lower_bound, share, raised, stage_max, no_rows)


@dataclass(frozen=True, slots=True)
class RelaxationColumns:
    """Where the variables of the relaxation stand."""

    y: NDArray[np.int64]
    stage: NDArray[np.int64]
    base: NDArray[np.int64]
    paid: NDArray[np.int64]
    """(G,): how much is paid of each group's charge."""
    objective: int


def relax(
    problem: Problem,
    allowed: NDArray[np.bool_] | None = None,
    limits: Limits | None = None,
    moves: MoveLimit | None = None,
    rounds: int = RELAXATION_ROUNDS,
    unit_rows: NDArray[np.int64] | None = None,
) -> Relaxation:
    """Solve the relaxation over the ``allowed`` (O,) options, all by default.

    ``unit_rows`` (n, 2) are (item, stage) pairs whose rows are there from the first round on.
    Where the ``limits`` end a round, what the round before it has proven stands; where they leave
    no time for as large a program, what averages alone prove.
    """
    allowed = np.ones(problem.option_count, bool) if allowed is None else allowed
    items = np.zeros((0, 2), dtype=np.int64) if unit_rows is None else unit_rows
    solved: tuple[Answer, RelaxationColumns] | None = None
    for _ in range(rounds):
        if limits is not None and not _has_time_for(problem, limits):
            break
        program, columns = relaxation_program(problem, allowed, items, moves)
        answer = solve_program(program, limits)
        if answer.status is Status.INFEASIBLE:
            return Relaxation.without_bound(problem, float("inf"))
        if answer.x is None or answer.status is not Status.OPTIMAL:
            break
        solved = answer, columns
        violated = violated_units(problem, answer.x, columns)
        if not len(violated):
            break
        items = np.unique(np.concatenate([items, violated]), axis=0)
    if solved is None:
        return Relaxation.of_averages(problem, allowed)
    return _relaxation(problem, *solved, items)


def _has_time_for(problem: Problem, limits: Limits) -> bool:
    """Whether there is time to load and presolve a program of so many options, which nothing cuts
    short."""
    seconds = limits.until.seconds_left
    return seconds > 0 and problem.option_count <= seconds * _OPTIONS_A_SECOND


def relaxation_program(
    problem: Problem,
    allowed: NDArray[np.bool_],
    unit_rows: NDArray[np.int64],
    moves: MoveLimit | None = None,
) -> tuple[Program, RelaxationColumns]:
    """The linear program, with a unit row for each (item, stage) of ``unit_rows`` (n, 2)."""
    build, columns = relaxation_rows(problem, allowed, unit_rows, moves=moves)
    return build.build(), columns


def relaxation_rows(
    problem: Problem,
    allowed: NDArray[np.bool_],
    unit_rows: NDArray[np.int64],
    balance: NDArray[np.float64] | None = None,
    filling: float = 1.0,
    moves: MoveLimit | None = None,
) -> tuple[ProgramBuilder, RelaxationColumns]:
    """``relaxation_program``, to which rows can be added.

    ``balance`` (S,) is by how much the mean load of a stage falls short of its maximum, and
    ``filling`` how much of the devices' memory is filled: 1, the default, makes the program a
    relaxation; less makes it a guess at what placements can reach. ``moves`` limits what may move.
    """
    build = ProgramBuilder()
    items, stages = np.arange(problem.item_count), np.arange(problem.stage_count)
    options = np.arange(problem.option_count)
    y = build.add_columns("y", [options], upper=np.where(allowed, 1.0, 0.0))
    stage = build.add_columns("M", [stages])
    base = build.add_columns("B", [stages])
    objective = int(build.add_columns("objective", [np.array([0])], cost=1.0)[0])
    paid = problem.objective.add_paid(build)
    columns = RelaxationColumns(y, stage, base, paid, objective)

    choose = build.add_rows("choose", [items], lower=1.0, upper=1.0)
    build.add_entries(choose[problem.item_of_option], y, 1.0)

    problem.objective.add_chains(build, columns, problem.item_of_option, problem.time_unit)

    everywhere = np.flatnonzero(problem.shape == Shape.ALL)
    basis = build.add_rows("base", [stages], lower=0.0, upper=0.0)
    build.add_entries(basis, base, -1.0)
    build.add_entries(
        basis[None, :], y[everywhere, None], problem.load_seconds[everywhere] / problem.time_unit
    )

    _add_average(build, problem, columns, balance)
    _add_memory(build, problem, y, filling)
    if moves is not None:
        moves.add_to(build, y)
    add_units(build, problem, columns, unit_rows, problem.fullest_device_seconds)
    return build, columns


def _add_average(
    build: ProgramBuilder,
    problem: Problem,
    columns: RelaxationColumns,
    balance: NDArray[np.float64] | None,
) -> None:
    """What the average device bears; where all-device options are uneven, what the first does."""
    stages = np.arange(problem.stage_count)
    average = build.add_rows("average", [stages], lower=0.0)
    build.add_entries(average, columns.stage, 1.0)
    averaged = np.ones(problem.option_count, dtype=bool)
    if problem.is_uneven:
        _add_fullest(build, problem, columns)
    else:
        build.add_entries(average, columns.base, -1.0)
        averaged = problem.shape != Shape.ALL
    placed = np.flatnonzero(averaged)
    mean = problem.total_load_seconds[placed] / (problem.device_count * problem.time_unit)
    reach = 1.0 if balance is None else balance
    build.add_entries(average[None, :], columns.y[placed, None], -mean / reach)


def _add_fullest(build: ProgramBuilder, problem: Problem, columns: RelaxationColumns) -> None:
    """What each of some devices bears of all-device options: those that no other bears more of."""
    uneven = (problem.shape == Shape.ALL) & problem.has_uneven_units
    places, counts = np.unique(problem.fullest[uneven], return_counts=True)
    often = places[np.argsort(-counts, kind="stable")]
    stages = np.arange(problem.stage_count)
    for place in [0, *often[often > 0][:_MOST_PLACES].tolist()]:
        rows = build.add_rows("first" if place == 0 else f"fullest{place}", [stages], lower=0.0)
        build.add_entries(rows, columns.stage, 1.0)
        build.add_entries(rows, columns.base, -1.0)
        spared = np.flatnonzero(uneven & (problem.fullest != place))
        load = problem.load_seconds[spared] / problem.time_unit
        build.add_entries(rows[None, :], columns.y[spared, None], load)


def _add_memory(
    build: ProgramBuilder, problem: Problem, y: NDArray[np.int64], filling: float
) -> None:
    """All bytes fit into all capacities, counted in shares of what is offered."""
    for name, total, capacity, filled in (
        ("device_memory", problem.total_device_bytes, problem.device_capacity, filling),
        ("node_memory", problem.total_node_bytes, problem.node_capacity, 1.0),
    ):
        offered = capacity.sum(axis=0)
        scale = np.maximum(offered, 1.0)
        rows = build.add_rows(name, [np.arange(len(offered))], upper=filled * offered / scale)
        build.add_entries(rows[None, :], y[:, None], total / scale)


def add_units(
    build: ProgramBuilder,
    problem: Problem,
    columns: RelaxationColumns,
    unit_rows: NDArray[np.int64],
    fullest_seconds: NDArray[np.float64],
) -> None:
    """One row per (item, stage) of ``unit_rows``; some device bears ``fullest_seconds`` (O, S)."""
    if not len(unit_rows):
        return
    item, stage = unit_rows.T
    rows = build.add_rows("unit", [item, stage], lower=0.0)
    build.add_entries(rows, columns.stage[stage], 1.0)
    if not problem.is_uneven:
        build.add_entries(rows, columns.base[stage], -1.0)
    fullest = fullest_seconds / problem.time_unit
    counts = problem.options_per_item[item]
    row = np.repeat(rows, counts)
    option = _ranges(problem.option_offsets[item], counts)
    load = fullest[option, np.repeat(stage, counts)]
    placed = problem.shape[option] != Shape.ALL
    build.add_entries(row[placed], columns.y[option[placed]], -load[placed])


def _ranges(starts: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """``start, start + 1, ...`` of each count, one after the other."""
    before = np.repeat(np.cumsum(counts) - counts, counts)
    return np.repeat(starts, counts) + np.arange(counts.sum()) - before


def add_rooms(
    build: ProgramBuilder,
    problem: Problem,
    columns: RelaxationColumns,
    room_rows: NDArray[np.int64],
) -> None:
    """Some device holds what an item puts on its fullest one beside what all devices hold.

    One row per (item, device tier) of ``room_rows`` (n, 2), in shares of the largest device.
    """
    if not len(room_rows):
        return
    item, tier = room_rows.T
    largest = problem.device_capacity.max(axis=0)
    scale = largest.clip(min=1.0)
    rows = build.add_rows("room", [item, tier], upper=(largest / scale)[tier])
    everywhere = np.flatnonzero(problem.shape == Shape.ALL)
    held = (problem.device_bytes / scale)[everywhere][:, tier]
    build.add_entries(rows[None, :], columns.y[everywhere, None], held)
    fullest = problem.fullest_device_bytes / scale
    counts = problem.options_per_item[item]
    row = np.repeat(rows, counts)
    option = _ranges(problem.option_offsets[item], counts)
    need = fullest[option, np.repeat(tier, counts)]
    placed = problem.shape[option] != Shape.ALL
    build.add_entries(row[placed], columns.y[option[placed]], need[placed])


def violated_rooms(
    problem: Problem, x: NDArray[np.float64], columns: RelaxationColumns
) -> NDArray[np.int64]:
    """The (item, device tier) pairs whose room row the point ``x`` breaks."""
    share, is_placed = x[columns.y][:, None], (problem.shape != Shape.ALL)[:, None]
    everywhere = (problem.device_bytes * share * ~is_placed).sum(axis=0)
    fullest = problem.fullest_device_bytes * share * is_placed
    per_item = np.add.reduceat(fullest, problem.option_offsets[:-1], axis=0)
    largest = problem.device_capacity.max(axis=0)
    return np.argwhere((per_item > 0) & (per_item + everywhere > largest * (1 + _VIOLATION)))


def violated_units(
    problem: Problem, x: NDArray[np.float64], columns: RelaxationColumns
) -> NDArray[np.int64]:
    """The (item, stage) pairs whose unit row the point ``x`` breaks."""
    share, stage_max, base = x[columns.y], x[columns.stage], x[columns.base]
    placed = (
        problem.fullest_device_seconds
        / problem.time_unit
        * (share * (problem.shape != Shape.ALL))[:, None]
    )
    per_item = np.add.reduceat(placed, problem.option_offsets[:-1], axis=0)
    excess = per_item + (0.0 if problem.is_uneven else base) - stage_max
    longest = stage_max.max(initial=0.0)
    return np.argwhere(excess > _VIOLATION * np.maximum(stage_max, longest * _SHORT_STAGE))


def _relaxation(
    problem: Problem, answer: Answer, columns: RelaxationColumns, unit_rows: NDArray[np.int64]
) -> Relaxation:
    assert answer.x is not None
    assert answer.column_duals is not None
    return Relaxation(
        lower_bound=answer.bound * problem.time_unit * (1 - _SAFETY),
        share=answer.x[columns.y],
        reduced_cost=np.maximum(answer.column_duals[columns.y], 0.0) * problem.time_unit,
        stage_max=answer.x[columns.stage] * problem.time_unit,
        unit_rows=unit_rows,
    )
