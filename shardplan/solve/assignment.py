"""The exact integer program: which option each item takes and where each unit of it lands.

    minimise    objective
    choose      sum over options of item i of y[o] = 1                       for every item
    land        sum over places of x[o, place] = units[o] * y[o]             for every placed option
    stage       load of device d in stage s <= M[s]                          for every (d, s)
    spilt       what units on node n spill in stage s = spill[n, s]          for every (n, s)
    chain       chain_seconds[c] + sum over stages of chain c of M[s] <= objective
    device_memory, node_memory     bytes on a device, on a node <= capacity
    apart       units of an apart-group on a device <= 1

Options that can be mixed have continuous ``y`` and ``x``; whole are their sums ``z`` over a blend
and ``n`` over a blend and place. Units of one item that lie on several places may then be mixed
differently there, so that the program is a relaxation, and a plan made of it is mixed anew.

Time is counted in units of ``Problem.time_unit``, memory in shares of the largest capacity. A place
is a device for units that land on one device and a node for units that land on all devices
of one; all-device options have no ``x``. Places outside an option's domain have no variable. Where
units spill on the other devices of a node, ``spill`` is part of the load of all its devices.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.placement import Placement, evaluate, per_node
from shardplan.solve.problem import Problem, Shape
from shardplan.solve.program import Program, ProgramBuilder
from shardplan.solve.relaxation import fullest_device_load

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Assignment:
    """The program and where its variables stand."""

    problem: Problem
    program: Program
    y: NDArray[np.int64]
    """(O,): the column of each option, -1 where the option was left out."""
    x: NDArray[np.int64]
    """(X,): columns of units on places."""
    x_option: NDArray[np.int64]
    x_place: NDArray[np.int64]
    """(X,): a device or a node, by the shape of the option."""
    stage: NDArray[np.int64]
    base: NDArray[np.int64]
    """(S,): what all-device options put on every device."""
    spill: NDArray[np.int64]
    """(N, S): what units spill on every device of a node; (0, S) where none does."""
    objective: int
    """The column that is minimised."""

    def placement(self, values: NDArray[np.float64]) -> Placement:
        """The placement that a point of the program stands for; mixed options are the largest."""
        problem = self.problem
        share = np.where(self.y >= 0, values[self.y], -1.0)
        order = np.lexsort((-share, problem.item_of_option))
        option = order[problem.option_offsets[:-1]]
        ways, way = np.unique(
            np.column_stack([problem.blends[self.x_option], self.x_place]),
            axis=0,
            return_inverse=True,
        )
        units = np.zeros(len(ways))
        np.add.at(units, way.reshape(-1), values[self.x])
        count = np.rint(units).astype(np.int64)
        owner = np.full(problem.blends.max(initial=0) + 1, -1)
        owner[problem.blends[option]] = np.arange(problem.item_count)
        item = np.repeat(owner[ways[:, 0]], count)
        place = np.repeat(ways[:, 1], count)
        return Placement.of(option, [place[item == i] for i in range(problem.item_count)])

    def point(self, placement: Placement) -> NDArray[np.float64]:
        """The point of the program that stands for an unmixed placement made of its options."""
        values = np.zeros(self.program.column_count)
        values[self.y[placement.option]] = 1.0
        column = dict(
            zip(
                zip(self.x_option.tolist(), self.x_place.tolist(), strict=True),
                self.x.tolist(),
                strict=True,
            )
        )
        for item, option in enumerate(placement.option.tolist()):
            for place in placement.targets_of(item).tolist():
                values[column[option, place]] += 1.0
        evaluation = evaluate(self.problem, placement)
        unit = self.problem.time_unit
        values[self.stage] = evaluation.load_seconds.max(axis=0) / unit
        values[self.objective] = evaluation.objective / unit
        everywhere = placement.option[self.problem.shape[placement.option] == Shape.ALL]
        values[self.base] = self.problem.load_seconds[everywhere].sum(axis=0) / unit
        if len(self.spill) and self.problem.spill_seconds is not None:
            of_item = self.problem.spill_seconds[placement.option] / unit
            values[self.spill] = per_node(self.problem, placement, of_item)
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
    stages = np.arange(problem.stage_count)
    y = np.full(problem.option_count, -1, dtype=np.int64)
    y[options] = build.add_columns(
        "y",
        [problem.item_of_option[options], options],
        upper=1.0,
        integer=~problem.mixable[options],
    )
    x_option, x_place = _places(problem, options)
    limit = problem.units[x_option].astype(np.float64)
    limit[np.isin(problem.item_of_option[x_option], _apart_items(problem))] = 1.0
    x = build.add_columns("x", [x_option, x_place], upper=limit, integer=~problem.mixable[x_option])
    stage = build.add_columns("M", [stages])
    base = build.add_columns("B", [stages])
    spill = np.zeros((0, len(stages)), dtype=np.int64)
    if problem.spill_seconds is not None and not elastic:
        node, of_stage = (part.ravel() for part in np.indices((problem.node_count, len(stages))))
        spill = build.add_columns("spill", [node, of_stage]).reshape(-1, len(stages))
    objective = int(
        build.add_columns("missing" if elastic else "objective", [np.array([0])], cost=1.0)[0]
    )
    result = Assignment(problem, _EMPTY, y, x, x_option, x_place, stage, base, spill, objective)
    _add_choice(build, result, options)
    _add_blends(build, result, options)
    if not elastic:
        _add_time(build, result, options)
    _add_memory(build, result, options, elastic=elastic)
    _add_apart(build, result)
    if cuts and not elastic:
        _add_cuts(build, result, options)
    return replace(result, program=build.build())


def _places(
    problem: Problem, options: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(option, place) of every place on which a unit of an option may land."""
    found = []
    for shape, places in ((Shape.DEVICE, problem.device_count), (Shape.NODE, problem.node_count)):
        chosen = options[problem.shape[options] == shape]
        open_ = problem.domains[problem.domain[chosen]]
        if shape == Shape.NODE:
            open_ = open_.reshape(len(chosen), problem.node_count, problem.devices_per_node).all(
                axis=2
            )
        option, place = np.nonzero(open_.reshape(len(chosen), places))
        found.append((chosen[option], place))
    option = np.concatenate([part[0] for part in found])
    place = np.concatenate([part[1] for part in found])
    order = np.lexsort((place, option))
    return option[order], place[order]


def _apart_items(problem: Problem) -> NDArray[np.int64]:
    return np.concatenate([np.zeros(0, np.int64), *problem.apart])


def _add_choice(build: ProgramBuilder, model: Assignment, options: NDArray[np.int64]) -> None:
    problem = model.problem
    choose = build.add_rows("choose", [np.arange(problem.item_count)], lower=1.0, upper=1.0)
    build.add_entries(choose[problem.item_of_option[options]], model.y[options], 1.0)
    placed = options[problem.shape[options] != Shape.ALL]
    land = np.full(problem.option_count, -1, dtype=np.int64)
    land[placed] = build.add_rows("land", [placed], lower=0.0, upper=0.0)
    build.add_entries(land[placed], model.y[placed], -problem.units[placed])
    build.add_entries(land[model.x_option], model.x, 1.0)


def _add_blends(build: ProgramBuilder, model: Assignment, options: NDArray[np.int64]) -> None:
    """Blends are taken as a whole or not at all, and so are their units on each place."""
    problem = model.problem
    mixed = options[problem.mixable[options]]
    if not len(mixed):
        return
    blend, number = np.unique(problem.blends[mixed], return_inverse=True)
    rows = build.add_rows("blend", [blend], lower=0.0, upper=0.0)
    taken = build.add_columns("z", [blend], upper=1.0, integer=True)
    build.add_entries(rows, taken, -1.0)
    build.add_entries(rows[number], model.y[mixed], 1.0)
    on_places = np.flatnonzero(problem.mixable[model.x_option])
    units = np.column_stack([problem.blends[model.x_option], model.x_place])[on_places]
    ways, number = np.unique(units, axis=0, return_inverse=True)
    rows = build.add_rows("units", [ways[:, 0], ways[:, 1]], lower=0.0, upper=0.0)
    landed = build.add_columns("n", [ways[:, 0], ways[:, 1]], integer=True)
    build.add_entries(rows, landed, -1.0)
    build.add_entries(rows[number.reshape(-1)], model.x[on_places], 1.0)


def _add_time(build: ProgramBuilder, model: Assignment, options: NDArray[np.int64]) -> None:
    problem = model.problem
    chain = build.add_rows(
        "chain",
        [np.arange(len(problem.chain_seconds))],
        lower=problem.chain_seconds / problem.time_unit,
    )
    build.add_entries(chain, model.objective, 1.0)
    build.add_entries(chain[problem.chain_of_stage], model.stage, -1.0)
    device, stage = (
        part.ravel() for part in np.indices((problem.device_count, problem.stage_count))
    )
    rows = build.add_rows("stage", [device, stage], upper=0.0)
    build.add_entries(rows, model.stage[stage], -1.0)
    rows = rows.reshape(problem.device_count, -1)
    _add_per_device(build, model, options, rows, problem.own_seconds / problem.time_unit)
    if problem.spill_seconds is not None:
        _add_spill(build, model, rows, problem.spill_seconds / problem.time_unit)


def _add_spill(
    build: ProgramBuilder,
    model: Assignment,
    rows: NDArray[np.int64],
    spill: NDArray[np.float64],
) -> None:
    """Put what units spill on a node into the ``rows`` (D, S) of all its devices."""
    problem = model.problem
    node, stage = (part.ravel() for part in np.indices(model.spill.shape))
    spilt = build.add_rows("spilt", [node, stage], lower=0.0, upper=0.0)
    spilt = spilt.reshape(model.spill.shape)
    build.add_entries(spilt, model.spill, -1.0)
    on_device = problem.shape[model.x_option] == Shape.DEVICE
    at = model.x_place[on_device] // problem.devices_per_node
    build.add_entries(spilt[at], model.x[on_device, None], spill[model.x_option[on_device]])
    build.add_entries(rows, np.repeat(model.spill, problem.devices_per_node, axis=0), 1.0)


def _add_per_device(
    build: ProgramBuilder,
    model: Assignment,
    options: NDArray[np.int64],
    rows: NDArray[np.int64],
    per_unit: NDArray[np.float64],
) -> None:
    """Put ``per_unit`` (O, K) into ``rows`` (D, K) for every device that a unit lands on."""
    problem = model.problem
    everywhere = options[problem.shape[options] == Shape.ALL]
    build.add_entries(
        rows[:, None, :], model.y[everywhere][None, :, None], per_unit[everywhere][None]
    )
    shape = problem.shape[model.x_option]
    on_device = shape == Shape.DEVICE
    build.add_entries(
        rows[model.x_place[on_device]],
        model.x[on_device, None],
        per_unit[model.x_option[on_device]],
    )
    on_node = shape == Shape.NODE
    by_node = rows.reshape(problem.node_count, problem.devices_per_node, rows.shape[1])
    build.add_entries(
        by_node[model.x_place[on_node]],
        model.x[on_node, None, None],
        per_unit[model.x_option[on_node]][:, None, :],
    )


def _add_memory(
    build: ProgramBuilder,
    model: Assignment,
    options: NDArray[np.int64],
    *,
    elastic: Collection[tuple[str, int]],
) -> None:
    """Bytes relative to the largest capacity of a tier, so that one tolerance suits all tiers."""
    problem = model.problem
    on_devices, scale = _memory_rows(build, "device_memory", problem.device_capacity)
    _add_per_device(build, model, options, on_devices, problem.device_bytes / scale)

    rows, scale = _memory_rows(build, "node_memory", problem.node_capacity)
    everywhere = options[problem.shape[options] == Shape.ALL]
    per_unit = problem.node_bytes / scale
    build.add_entries(
        rows[:, None, :], model.y[everywhere][None, :, None], per_unit[everywhere][None]
    )
    on_device = problem.shape[model.x_option] == Shape.DEVICE
    node = np.where(on_device, model.x_place // problem.devices_per_node, model.x_place)
    build.add_entries(rows[node], model.x[:, None], per_unit[model.x_option])
    families = {"device_memory": on_devices, "node_memory": rows}
    for family, tier in elastic:
        build.add_entries(families[family][:, tier], model.objective, -1.0)


def _memory_rows(
    build: ProgramBuilder, family: str, capacity: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A row per place and tier, and the (tiers,) scale of bytes in it."""
    scale = capacity.max(axis=0, initial=1.0)
    place, tier = (part.ravel() for part in np.indices(capacity.shape))
    rows = build.add_rows(family, [place, tier], upper=(capacity / scale).ravel())
    return rows.reshape(capacity.shape), scale


def _add_apart(build: ProgramBuilder, model: Assignment) -> None:
    problem = model.problem
    for group, items in enumerate(problem.apart):
        devices = np.arange(problem.device_count)
        rows = build.add_rows("apart", [np.full(len(devices), group), devices], upper=1.0)
        member = np.isin(problem.item_of_option[model.x_option], items)
        shape = problem.shape[model.x_option]
        on_device = member & (shape == Shape.DEVICE)
        build.add_entries(rows[model.x_place[on_device]], model.x[on_device], 1.0)
        on_node = member & (shape == Shape.NODE)
        by_node = rows.reshape(problem.node_count, -1)
        build.add_entries(by_node[model.x_place[on_node]], model.x[on_node, None], 1.0)


def _add_cuts(build: ProgramBuilder, model: Assignment, options: NDArray[np.int64]) -> None:
    """The average and unit rows of the relaxation (see ``relaxation``)."""
    problem = model.problem
    stages = np.arange(problem.stage_count)
    average = build.add_rows("average", [stages], lower=0.0)
    build.add_entries(average, model.stage, 1.0)
    build.add_entries(
        average[None, :],
        model.y[options, None],
        -problem.total_load_seconds[options] / (problem.device_count * problem.time_unit),
    )
    item, stage = (part.ravel() for part in np.indices((problem.item_count, problem.stage_count)))
    rows = build.add_rows("unit", [item, stage], lower=0.0)
    build.add_entries(rows, model.stage[stage], 1.0)
    rows = rows.reshape(problem.item_count, -1)
    fullest = fullest_device_load(problem) / problem.time_unit
    placed = options[problem.shape[options] != Shape.ALL]
    build.add_entries(rows[problem.item_of_option[placed]], model.y[placed, None], -fullest[placed])
    basis = build.add_rows("base", [stages], lower=0.0, upper=0.0)
    everywhere = options[problem.shape[options] == Shape.ALL]
    build.add_entries(basis, model.base, -1.0)
    build.add_entries(
        basis[None, :],
        model.y[everywhere, None],
        problem.load_seconds[everywhere] / problem.time_unit,
    )
    build.add_entries(rows, model.base[None, :], -1.0)


_EMPTY = Program(
    cost=np.zeros(0),
    lower=np.zeros(0),
    upper=np.zeros(0),
    integer=np.zeros(0, dtype=bool),
    row_lower=np.zeros(0),
    row_upper=np.zeros(0),
    row_starts=np.zeros(1, dtype=np.int64),
    columns=np.zeros(0, dtype=np.int64),
    values=np.zeros(0),
    column_names=(),
    row_names=(),
)
