"""What the relaxation does not see: a device that holds a large unit has little room for others.

Take the units that each need more than half of what a device can bear of one stage. No two of them
share a device, so that each has a device of its own, and what such a device bears of every *other*
stage is its large unit and what still fits beside it. What it then falls short of the slowest
device is wasted, and the average device bears at least the load and that waste. Added to the choice
of options are, for each large unit, what is put beside it, in fractions of units, and its waste.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.relaxation import relaxation_program
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.solve.bound.relaxation import RelaxationColumns
    from shardplan.solve.program.answer import Limits
    from shardplan.solve.program.program import ProgramBuilder

MOST_COLUMNS = 8_000
"""Fractions beside large units, beyond which the program is not worth its time."""
_MARGIN = 1e-6
"""Relative allowance for rounding in what a device can bear."""
_NO_SECONDS = 1e-300
"""Stands for no room at all where something is divided by it."""


@dataclass(frozen=True, slots=True)
class LargeUnits:
    """The items that have large units, stage by stage, and what devices can bear."""

    room: NDArray[np.float64]
    """(S,): the most, in seconds, that a device bears beside the all-device options in a placement
    better than the incumbent."""
    leaders: tuple[tuple[NDArray[np.int64], ...], ...]
    """For each stage, and each item that leads in it: its options whose units are large."""
    fill: NDArray[np.int64]
    """Options that may stand beside large units."""

    @classmethod
    def of(
        cls,
        problem: Problem,
        allowed: NDArray[np.bool_],
        room: NDArray[np.float64],
        most_columns: int = MOST_COLUMNS,
    ) -> LargeUnits:
        """The largest units of the ``allowed`` (O,) options, as many as are worth their time.

        Of options that can be mixed, all have to be large.
        """
        fill = np.flatnonzero(allowed & (problem.shape != Shape.ALL))
        alone = allowed & (problem.shape == Shape.DEVICE)
        most = most_columns // max(len(fill), 1)
        size = np.where(alone[:, None], problem.load_seconds, 0.0) / room.clip(_NO_SECONDS)
        least = np.full((problem.option_count, problem.stage_count), np.inf)
        np.minimum.at(least, problem.blend[allowed], size[allowed])
        large = (least[problem.blend] > 0.5 + _MARGIN) & alone[:, None]
        per_item = np.maximum.reduceat(
            np.where(large, size, 0.0), problem.option_offsets[:-1], axis=0
        )
        largest = np.argsort(-per_item, axis=None, kind="stable")[:most]
        chosen = np.zeros(per_item.size, dtype=bool)
        chosen[largest] = per_item.ravel()[largest] > 0.0
        leads = chosen.reshape(per_item.shape)
        of_item = problem.item_of_option
        leaders = tuple(
            tuple(
                np.flatnonzero(large[:, stage] & (of_item == item))
                for item in np.flatnonzero(leads[:, stage]).tolist()
            )
            for stage in range(problem.stage_count)
        )
        return cls(room, leaders, fill)

    def __bool__(self) -> bool:
        return any(self.leaders)

    def add_to(self, build: ProgramBuilder, problem: Problem, columns: RelaxationColumns) -> None:
        """Add the waste of the devices that hold large units to a choice of options."""
        for leaders in self.leaders:
            if leaders:
                self._add_stage(build, problem, columns, leaders)

    def _add_stage(
        self,
        build: ProgramBuilder,
        problem: Problem,
        columns: RelaxationColumns,
        leaders: tuple[NDArray[np.int64], ...],
    ) -> None:
        """One family of large units that all need more than half a device of the same stage."""
        devices, stages = problem.device_count, np.arange(problem.stage_count)
        fill, y = self.fill, columns.y
        load = problem.load_seconds / problem.time_unit
        room = self.room / problem.time_unit
        units = (problem.units * problem.width).astype(np.float64)

        borne = build.add_rows("borne", [stages], lower=0.0)
        build.add_entries(borne, columns.stage, float(devices))
        build.add_entries(borne, columns.base, -float(devices))
        build.add_entries(borne[None, :], y[fill, None], -load[fill] * units[fill, None])
        offered = build.add_rows("offered", [fill], lower=0.0)
        for own in leaders:
            units[own] -= 1.0  # the large unit itself stands beside nothing but others
            beside = build.add_columns("beside", [fill])
            waste = build.add_columns("waste", [stages])
            build.add_entries(offered, beside, -1.0)
            build.add_entries(borne, waste, -1.0)
            holds = build.add_rows("holds", [stages], lower=0.0)
            wastes = build.add_rows("wastes", [stages], lower=-room)
            for rows, sign in ((holds, 1.0), (wastes, -1.0)):
                build.add_entries(rows, columns.stage, sign)
                build.add_entries(rows, columns.base, -sign)
                build.add_entries(rows[None, :], beside[:, None], -sign * load[fill])
            build.add_entries(holds[None, :], y[own, None], -load[own])
            build.add_entries(wastes, waste, 1.0)
            build.add_entries(wastes[None, :], y[own, None], load[own] - room)
        build.add_entries(offered, y[fill], units[fill])


def large_units(
    problem: Problem,
    allowed: NDArray[np.bool_],
    unit_rows: NDArray[np.int64],
    objective: float,
    limits: Limits | None = None,
    most_columns: int = MOST_COLUMNS,
) -> LargeUnits | None:
    """Those that matter to placements better than ``objective``; None where there are none."""
    if problem.stage_count == 1 or (allowed & (problem.shape != Shape.ALL)).sum() > most_columns:
        return None  # what stands beside a large unit of the only stage never makes it shorter
    if problem.has_spill or problem.is_uneven:
        return None  # what a device bears is not what lies on it
    room = np.array(list(_rooms(problem, allowed, unit_rows, objective, limits)))
    if not np.isfinite(room).all():
        return None
    return LargeUnits.of(problem, allowed, room, most_columns) or None


def _rooms(
    problem: Problem,
    allowed: NDArray[np.bool_],
    unit_rows: NDArray[np.int64],
    objective: float,
    limits: Limits | None,
) -> Iterator[float]:
    """For each stage the most that its slowest device bears beside the base, by the relaxation."""
    program, columns = relaxation_program(problem, allowed, unit_rows)
    upper = program.upper.copy()
    upper[columns.objective] = objective / problem.time_unit
    for stage in range(problem.stage_count):
        cost = np.zeros(program.column_count)
        cost[[columns.stage[stage], columns.base[stage]]] = -1.0, 1.0
        answer = solve_program(replace(program, cost=cost, upper=upper), limits)
        proven = answer.status is Status.OPTIMAL
        yield -answer.bound * problem.time_unit * (1 + _MARGIN) if proven else np.inf
