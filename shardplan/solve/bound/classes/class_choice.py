"""The option choice where many items are alike: it says how many of a class take each option.

Without devices there is no symmetry but that of equal items; with classes there is none at all, and
a set of hundreds of tables of few kinds is a handful of whole numbers. So little is left that the
same program is asked again and again, of placements below a *ceiling*: the lower it is, the fewer
options reach below it, the less a device can bear of each stage, and the more of its units are
large (``large_classes``). A program without solution proves that all placements are above it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.classes.item_classes import ItemClasses
from shardplan.solve.bound.classes.large_classes import (
    DeviceColumns,
    DeviceRoom,
    add_large_classes,
)
from shardplan.solve.problem.problem import Shape
from shardplan.solve.program.answer import Limits, Status, Watch
from shardplan.solve.program.backend import solve_program

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.bound.relaxation import RelaxationColumns
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.program.answer import Answer
    from shardplan.solve.program.program import Program, ProgramBuilder

_SAFETY = 1e-7
"""Relative allowance for the solver's rounding, taken off every bound."""
_MARGIN = 1e-6
"""The same in what a device can bear, and in a ceiling."""


@dataclass(frozen=True, slots=True)
class ClassChoiceParams:
    """How large the programs are, and how many."""

    most_options: int = 400
    """Of all classes, beyond which nothing is asked."""
    most_columns: int = 8_000
    """Fractions beside large units."""
    node_columns: int = 500_000
    """Nodes times columns of the tree of one ceiling."""
    most_asked: int = 12_000
    """Columns of all programs, one for each ceiling; the last one may be beyond that."""
    finest: float = 1e-3
    """Relative distance of bound and ceiling below which no other is asked about."""

    def deepened(self, effort: float) -> ClassChoiceParams:
        """With larger trees for more than the usual effort, and with smaller ones for less."""
        return replace(self, node_columns=round(self.node_columns * effort))


_USUAL = ClassChoiceParams()


def bound_by_class_choice(
    problem: Problem,
    least_seconds: NDArray[np.float64],
    *,
    lower_bound: float,
    upper_bound: float,
    limits: Limits,
    watch: Watch,
    params: ClassChoiceParams = _USUAL,
) -> float:
    """Seconds that no placement can beat, between the bounds given.

    ``least_seconds`` (O,) are what placements with an option take at least. No units are uneven or
    spill, and no options can be mixed. What is told is at least ``lower_bound``, which is known,
    and at most ``upper_bound``, seconds that can be reached.
    """
    ceiling, low, high = upper_bound, lower_bound, upper_bound
    left = params.most_asked
    while left > 0 and high - low > params.finest * low:
        if limits.until.is_over or watch.should_stop():
            break
        asked = _Ceiling.of(problem, least_seconds, ceiling, params)
        if asked is None:
            break
        found = asked.least(limits, watch)
        left -= found.columns
        low = max(low, min(found.seconds, ceiling))
        if found.seconds < ceiling:
            high = ceiling
        ceiling = (low + high) / 2
    return min(low, upper_bound)


@dataclass(frozen=True, slots=True)
class _Least:
    """What placements below a ceiling take at least."""

    seconds: float
    """Infinite where there are none."""
    columns: int = 1
    """Of the program that says so."""


@dataclass(frozen=True, slots=True)
class _Ceiling:
    """What is asked of placements that take no longer than ``seconds``."""

    classes: ItemClasses | None
    """None where an item has no option left."""
    seconds: float
    params: ClassChoiceParams

    @classmethod
    def of(
        cls,
        problem: Problem,
        least_seconds: NDArray[np.float64],
        seconds: float,
        params: ClassChoiceParams,
    ) -> _Ceiling | None:
        """None where there are too many options."""
        reaches = least_seconds <= seconds * (1 + _MARGIN)
        if not np.logical_or.reduceat(reaches, problem.option_offsets[:-1]).all():
            return cls(None, seconds, params)
        classes = ItemClasses.of(problem, reaches)
        if len(classes.options) > params.most_options:
            return None
        return cls(classes, seconds, params)

    def least(self, limits: Limits, watch: Watch) -> _Least:
        """What such placements take at least."""
        room = None if self.classes is None else self._room(self.classes, limits)
        if self.classes is None or room is None:
            return _Least(float("inf"))
        build, columns, device = _choice(self.classes)
        add_large_classes(build, self.classes, device, room, self.params.most_columns)
        program = self._below(build.build(), self.classes, columns, device, room)
        integer = program.integer.copy()
        integer[columns.paid] = True
        nodes = max(1, self.params.node_columns // program.column_count)
        answer = solve_program(
            replace(program, integer=integer), replace(limits, nodes=nodes), watch=watch
        )
        seconds = _bound(answer) * self.classes.together.time_unit * (1 - _SAFETY)
        return _Least(seconds, program.column_count)

    def _room(self, classes: ItemClasses, limits: Limits) -> DeviceRoom | None:
        """The least and the most that a stage's slowest device bears beside the base, by the
        relaxation; None where nothing is below the ceiling."""
        build, columns, device = _choice(classes)
        program = self._below(build.build(), classes, columns, device, None)
        program = replace(program, integer=np.zeros_like(program.integer))
        ends: list[list[float]] = [[], []]
        for bears in device.bears.tolist():
            for end, sign in zip(ends, (1.0, -1.0), strict=True):
                cost = np.zeros(program.column_count)
                cost[bears] = sign
                found = _bound(solve_program(replace(program, cost=cost), limits))
                if found == float("inf"):
                    return None
                end.append(sign * found)
        least, most = np.array(ends)
        least = np.where(np.isfinite(least), least, 0.0).clip(min=0.0)
        return DeviceRoom(least * (1 - _MARGIN), most * (1 + _MARGIN))

    def _below(
        self,
        program: Program,
        classes: ItemClasses,
        columns: RelaxationColumns,
        device: DeviceColumns,
        room: DeviceRoom | None,
    ) -> Program:
        """The program with the ceiling, and within the room."""
        lower, upper = program.lower.copy(), program.upper.copy()
        upper[columns.objective] = self.seconds / classes.together.time_unit * (1 + _MARGIN)
        if room is not None:
            lower[device.bears], upper[device.bears] = room.least, room.most
        return replace(program, lower=lower, upper=upper)


def _choice(classes: ItemClasses) -> tuple[ProgramBuilder, RelaxationColumns, DeviceColumns]:
    """The relaxation of classes, of which whole numbers of items take each option."""
    each, together = classes.each, classes.together
    options, stages = np.arange(each.option_count), np.arange(each.stage_count)
    every = np.ones(each.option_count, dtype=bool)
    build, columns = classes.relaxation_rows(together.objective, every)
    most = classes.count[each.item_of_option].astype(np.float64)
    count = build.add_columns("count", [options], upper=most, integer=True)
    counts = build.add_rows("count", [options], lower=0.0, upper=0.0)
    build.add_entries(counts, count, 1.0)
    build.add_entries(counts, columns.y, -most)
    bears = build.add_columns("bears", [stages])
    bear = build.add_rows("bears", [stages], lower=0.0, upper=0.0)
    build.add_entries(bear, bears, 1.0)
    build.add_entries(bear, columns.stage, -1.0)
    build.add_entries(bear, columns.base, 1.0)
    _add_taken(build, classes, count, bears)
    return build, columns, DeviceColumns(bears, count)


def _add_taken(
    build: ProgramBuilder,
    classes: ItemClasses,
    count: NDArray[np.int64],
    bears: NDArray[np.int64],
) -> None:
    """Some device bears what an option puts on its fullest one, once any of many items takes it.

    Of a single item the relaxation's own rows say so.
    """
    each = classes.each
    most = classes.count[each.item_of_option]
    many = np.flatnonzero((most > 1) & (each.shape != Shape.ALL))
    taken = build.add_columns("taken", [many], upper=1.0, integer=True)
    takes = build.add_rows("taken", [many], upper=0.0)
    build.add_entries(takes, count[many], 1.0)
    build.add_entries(takes, taken, -most[many].astype(np.float64))
    fullest = each.fullest_device_seconds[many] / classes.together.time_unit
    of_many, stage = np.nonzero(fullest)
    rows = build.add_rows("fullest", [many[of_many], stage], lower=0.0)
    build.add_entries(rows, bears[stage], 1.0)
    build.add_entries(rows, taken[of_many], -fullest[of_many, stage])


def _bound(answer: Answer) -> float:
    return float("inf") if answer.status is Status.INFEASIBLE else answer.bound
