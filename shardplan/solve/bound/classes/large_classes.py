"""What devices waste that hold a large unit, where equal items are counted.

As in ``large_units``: no two units that each need more than half of what a device can bear of a
stage share a device. Here *all* units of such an option are large, so that n items which take it
need n times its units of devices, and what stands beside these is asked of them together. Only what
fits beside one may stand there: no other large unit, and none with which it exceeds what a device
can bear of any stage.

What n devices can bear is n times what one can, and both are asked for. The product is held between
straight lines through the ends of their ranges (McCormick 1976), which meet it where all items or
none take the option.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.problem.problem import Shape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.solve.bound.classes.item_classes import ItemClasses
    from shardplan.solve.program.program import ProgramBuilder

_MARGIN = 1e-6
"""Relative allowance for rounding in what is large."""
_FITS = 1e-9
"""The same in what fits beside it."""


@dataclass(frozen=True, slots=True)
class DeviceColumns:
    """Where a program has what it asks of devices."""

    bears: NDArray[np.int64]
    """(S,): what a stage's slowest device bears beside the all-device options."""
    count: NDArray[np.int64]
    """(o,): items that take each option."""


@dataclass(frozen=True, slots=True)
class DeviceRoom:
    """Ranges of what a stage's slowest device bears beside the all-device options."""

    least: NDArray[np.float64]
    most: NDArray[np.float64]
    """(S,) each, in the program's unit of time."""


@dataclass(frozen=True, slots=True)
class _Leader:
    """An option whose units are large in a stage, and what may stand beside one of them."""

    option: int
    beside: NDArray[np.int64]


def add_large_classes(
    build: ProgramBuilder,
    classes: ItemClasses,
    columns: DeviceColumns,
    room: DeviceRoom,
    most_columns: int,
) -> None:
    """Add the waste of devices with large units, stage by stage, to a program of classes.

    Stages for which that takes more than ``most_columns``, together with those before, are left
    out.
    """
    if not np.isfinite(room.most).all():
        return
    load = classes.each.load_seconds / classes.together.time_unit
    for stage in range(len(room.most)):
        leaders = list(_leaders(classes, load, room.most, stage))
        size = sum(len(each.beside) + len(room.most) for each in leaders)
        if leaders and size <= most_columns:
            most_columns -= size
            _add_stage(build, classes, columns, room, load, leaders)


def _leaders(
    classes: ItemClasses, load: NDArray[np.float64], most: NDArray[np.float64], stage: int
) -> Iterator[_Leader]:
    """The options whose units are large in a stage."""
    shape = classes.each.shape
    is_large = (shape == Shape.DEVICE) & (load[:, stage] > most[stage] / 2 * (1 + _MARGIN))
    small = np.flatnonzero((shape != Shape.ALL) & ~is_large)
    for option in np.flatnonzero(is_large).tolist():
        fits = (load[small] + load[option] <= most * (1 + _FITS)).all(axis=1)
        yield _Leader(option, small[fits])


def _add_stage(
    build: ProgramBuilder,
    classes: ItemClasses,
    columns: DeviceColumns,
    room: DeviceRoom,
    load: NDArray[np.float64],
    leaders: list[_Leader],
) -> None:
    """The units that are large in one stage."""
    each, stages = classes.each, np.arange(len(room.most))
    units = (each.units * each.width).astype(np.float64)
    placed = np.flatnonzero(each.shape != Shape.ALL)
    own = np.array([leader.option for leader in leaders])

    borne = build.add_rows("borne", [stages], lower=0.0)
    build.add_entries(borne, columns.bears, float(each.device_count))
    borne_by = -load[placed] * units[placed, None]
    build.add_entries(borne[None, :], columns.count[placed, None], borne_by)
    offered = build.add_rows("offered", [placed], lower=0.0)
    build.add_entries(offered, columns.count[placed], units[placed])
    hosts = build.add_rows("hosts", [np.zeros(1)], upper=float(each.device_count))
    build.add_entries(hosts, columns.count[own], units[own])
    for leader in leaders:
        beside = build.add_columns("beside", [leader.beside])
        waste = build.add_columns("waste", [stages])
        build.add_entries(offered[np.searchsorted(placed, leader.beside)], beside, -1.0)
        build.add_entries(borne, waste, -1.0)
        _add_leader(build, classes, columns, room, load, leader, beside, waste)


def _add_leader(
    build: ProgramBuilder,
    classes: ItemClasses,
    columns: DeviceColumns,
    room: DeviceRoom,
    load: NDArray[np.float64],
    leader: _Leader,
    beside: NDArray[np.int64],
    waste: NDArray[np.int64],
) -> None:
    """What stands on the devices of one option's units, and what they waste.

    With c items of the class, n of which take the option of u units, there are u * n such devices;
    each bears between nothing and R of a stage, which is between ``least`` and ``most``.
    """
    each, option, stages = classes.each, leader.option, np.arange(len(room.most))
    units = float(each.units[option])
    devices = units * float(classes.count[each.item_of_option[option]])
    count = columns.count[option]
    own, beside_load = load[option] * units, load[leader.beside]
    least, most = room.least, room.most
    lines = (
        # waste + load >= u n R, above both lines below the product
        ("full", 1.0, devices, most, -devices * most),
        ("few", 1.0, 0.0, least, np.zeros(len(stages))),
        # load <= u n R, below both lines above it
        ("holds", -1.0, devices, least, -devices * least),
        ("held", -1.0, 0.0, most, np.zeros(len(stages))),
    )
    for name, sign, of_room, of_count, constant in lines:
        rows = build.add_rows(name, [stages], lower=sign * constant)
        build.add_entries(rows, columns.bears, -sign * of_room)
        build.add_entries(rows, count, sign * (own - units * of_count))
        build.add_entries(rows[None, :], beside[:, None], sign * beside_load)
        if sign > 0:
            build.add_entries(rows, waste, 1.0)
