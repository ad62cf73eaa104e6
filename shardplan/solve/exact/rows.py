"""The constraints of the exact integer program, family by family (see ``assignment``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.problem import Shape

if TYPE_CHECKING:
    from collections.abc import Collection

    from numpy.typing import NDArray

    from shardplan.solve.exact.columns import AssignmentColumns
    from shardplan.solve.program.program import ProgramBuilder


def add_choice(
    build: ProgramBuilder, columns: AssignmentColumns, options: NDArray[np.int64]
) -> None:
    """Every item has one option, and all units of it land."""
    problem = columns.problem
    choose = build.add_rows("choose", [np.arange(problem.item_count)], lower=1.0, upper=1.0)
    build.add_entries(choose[problem.item_of_option[options]], columns.y[options], 1.0)
    placed = options[problem.shape[options] != Shape.ALL]
    land = np.full(problem.option_count, -1, dtype=np.int64)
    land[placed] = build.add_rows("land", [placed], lower=0.0, upper=0.0)
    build.add_entries(land[placed], columns.y[placed], -problem.units[placed])
    build.add_entries(land[columns.x_option], columns.x, 1.0)


def add_blends(
    build: ProgramBuilder, columns: AssignmentColumns, options: NDArray[np.int64]
) -> None:
    """Blends are taken as a whole or not at all, and so are their units on each place."""
    problem = columns.problem
    mixed = options[problem.mixable[options]]
    if not len(mixed):
        return
    blend, number = np.unique(problem.blend[mixed], return_inverse=True)
    rows = build.add_rows("blend", [blend], lower=0.0, upper=0.0)
    taken = build.add_columns("z", [blend], upper=1.0, integer=True)
    build.add_entries(rows, taken, -1.0)
    build.add_entries(rows[number], columns.y[mixed], 1.0)
    on_places = np.flatnonzero(problem.mixable[columns.x_option])
    units = np.column_stack([problem.blend[columns.x_option], columns.x_place])[on_places]
    ways, number = np.unique(units, axis=0, return_inverse=True)
    rows = build.add_rows("units", [ways[:, 0], ways[:, 1]], lower=0.0, upper=0.0)
    landed = build.add_columns("n", [ways[:, 0], ways[:, 1]], integer=True)
    build.add_entries(rows, landed, -1.0)
    build.add_entries(rows[number.reshape(-1)], columns.x[on_places], 1.0)


def add_time(build: ProgramBuilder, columns: AssignmentColumns, options: NDArray[np.int64]) -> None:
    """Loads within the maxima of their stages, and these within the objective."""
    problem = columns.problem
    problem.objective.add_chains(build, columns, problem.item_of_option, problem.time_unit)
    device, stage = (
        part.ravel() for part in np.indices((problem.device_count, problem.stage_count))
    )
    rows = build.add_rows("stage", [device, stage], upper=0.0)
    build.add_entries(rows, columns.stage[stage], -1.0)
    rows = rows.reshape(problem.device_count, -1)
    _add_per_device(build, columns, options, rows, problem.own_seconds / problem.time_unit)
    if problem.has_spill:
        _add_spill(build, columns, rows, problem.spill_seconds / problem.time_unit)


def _add_spill(
    build: ProgramBuilder,
    columns: AssignmentColumns,
    rows: NDArray[np.int64],
    spill: NDArray[np.float64],
) -> None:
    """Put what units spill on a node into the ``rows`` (D, S) of all its devices."""
    problem = columns.problem
    node, stage = (part.ravel() for part in np.indices(columns.spill.shape))
    spilt = build.add_rows("spilt", [node, stage], lower=0.0, upper=0.0)
    spilt = spilt.reshape(columns.spill.shape)
    build.add_entries(spilt, columns.spill, -1.0)
    on_device = problem.shape[columns.x_option] == Shape.DEVICE
    at = columns.x_place[on_device] // problem.devices_per_node
    build.add_entries(spilt[at], columns.x[on_device, None], spill[columns.x_option[on_device]])
    build.add_entries(rows, np.repeat(columns.spill, problem.devices_per_node, axis=0), 1.0)


def _add_per_device(
    build: ProgramBuilder,
    columns: AssignmentColumns,
    options: NDArray[np.int64],
    rows: NDArray[np.int64],
    per_unit: NDArray[np.float64],
) -> None:
    """Put ``per_unit`` (O, K) into ``rows`` (D, K) for every device that a unit lands on."""
    problem = columns.problem
    everywhere = options[problem.shape[options] == Shape.ALL]
    build.add_entries(
        rows[:, None, :], columns.y[everywhere][None, :, None], per_unit[everywhere][None]
    )
    shape = problem.shape[columns.x_option]
    on_device = shape == Shape.DEVICE
    build.add_entries(
        rows[columns.x_place[on_device]],
        columns.x[on_device, None],
        per_unit[columns.x_option[on_device]],
    )
    on_node = shape == Shape.NODE
    by_node = rows.reshape(problem.node_count, problem.devices_per_node, rows.shape[1])
    build.add_entries(
        by_node[columns.x_place[on_node]],
        columns.x[on_node, None, None],
        per_unit[columns.x_option[on_node]][:, None, :],
    )


def add_memory(
    build: ProgramBuilder,
    columns: AssignmentColumns,
    options: NDArray[np.int64],
    *,
    elastic: Collection[tuple[str, int]],
) -> None:
    """Bytes relative to the largest capacity of a tier, so that one tolerance suits all tiers."""
    problem = columns.problem
    on_devices, scale = _memory_rows(build, "device_memory", problem.device_capacity)
    _add_per_device(build, columns, options, on_devices, problem.device_bytes / scale)

    rows, scale = _memory_rows(build, "node_memory", problem.node_capacity)
    everywhere = options[problem.shape[options] == Shape.ALL]
    per_unit = problem.node_bytes / scale
    build.add_entries(
        rows[:, None, :], columns.y[everywhere][None, :, None], per_unit[everywhere][None]
    )
    on_device = problem.shape[columns.x_option] == Shape.DEVICE
    node = np.where(on_device, columns.x_place // problem.devices_per_node, columns.x_place)
    build.add_entries(rows[node], columns.x[:, None], per_unit[columns.x_option])
    families = {"device_memory": on_devices, "node_memory": rows}
    for family, tier in elastic:
        build.add_entries(families[family][:, tier], columns.objective, -1.0)


def _memory_rows(
    build: ProgramBuilder, family: str, capacity: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """A row per place and tier, and the (tiers,) scale of bytes in it."""
    scale = capacity.max(axis=0, initial=1.0)
    place, tier = (part.ravel() for part in np.indices(capacity.shape))
    rows = build.add_rows(family, [place, tier], upper=(capacity / scale).ravel())
    return rows.reshape(capacity.shape), scale


def add_apart(build: ProgramBuilder, columns: AssignmentColumns) -> None:
    """At most one unit of an apart-group on a device."""
    problem = columns.problem
    for group, items in enumerate(problem.apart):
        devices = np.arange(problem.device_count)
        rows = build.add_rows("apart", [np.full(len(devices), group), devices], upper=1.0)
        member = np.isin(problem.item_of_option[columns.x_option], items)
        shape = problem.shape[columns.x_option]
        on_device = member & (shape == Shape.DEVICE)
        build.add_entries(rows[columns.x_place[on_device]], columns.x[on_device], 1.0)
        on_node = member & (shape == Shape.NODE)
        by_node = rows.reshape(problem.node_count, -1)
        build.add_entries(by_node[columns.x_place[on_node]], columns.x[on_node, None], 1.0)


def add_cuts(build: ProgramBuilder, columns: AssignmentColumns, options: NDArray[np.int64]) -> None:
    """The average and unit rows of the relaxation (see ``relaxation``)."""
    problem = columns.problem
    stages = np.arange(problem.stage_count)
    average = build.add_rows("average", [stages], lower=0.0)
    build.add_entries(average, columns.stage, 1.0)
    build.add_entries(
        average[None, :],
        columns.y[options, None],
        -problem.total_load_seconds[options] / (problem.device_count * problem.time_unit),
    )
    item, stage = (part.ravel() for part in np.indices((problem.item_count, problem.stage_count)))
    rows = build.add_rows("unit", [item, stage], lower=0.0)
    build.add_entries(rows, columns.stage[stage], 1.0)
    rows = rows.reshape(problem.item_count, -1)
    fullest = problem.fullest_device_seconds / problem.time_unit
    placed = options[problem.shape[options] != Shape.ALL]
    build.add_entries(
        rows[problem.item_of_option[placed]], columns.y[placed, None], -fullest[placed]
    )
    basis = build.add_rows("base", [stages], lower=0.0, upper=0.0)
    everywhere = options[problem.shape[options] == Shape.ALL]
    build.add_entries(basis, columns.base, -1.0)
    build.add_entries(
        basis[None, :],
        columns.y[everywhere, None],
        problem.load_seconds[everywhere] / problem.time_unit,
    )
    build.add_entries(rows, columns.base[None, :], -1.0)
