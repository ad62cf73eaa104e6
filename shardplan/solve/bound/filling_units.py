"""A bound from units that fill devices: what the relaxation, which mixes all memory, does not see.

Take the units that each need more than half of a device's memory. No two of them share a device, so
that as many devices hold one as there are such units. For a given number of them, devices fall into
two classes, with and without, and the average device of each class bears what lies on its class, in
the memory of its class. The relaxation with these rows is a linear program; its least optimum over
all numbers is a bound. Numbers are treated in ranges, the weakest of which is split.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import heappop, heappush
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.relaxation import relaxation_rows
from shardplan.solve.problem.problem import Problem, Shape
from shardplan.solve.program.answer import Limits, Status
from shardplan.solve.program.backend import solve_program

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from numpy.typing import NDArray

    from shardplan.solve.bound.relaxation import Relaxation, RelaxationColumns
    from shardplan.solve.program.program import Program, ProgramBuilder

_SAFETY = 1e-9
_MARGIN = 1e-6
"""Relative allowance for rounding in what is more than half of a memory."""
_TOLERANCE = 1e-9
PRICINGS = 8
"""Rounds in which options that would lower the optimum are let in, before all are."""


@dataclass(frozen=True)
class FillingUnits:
    """The options whose units need more than half of one tier of a device."""

    problem: Problem
    tier: int
    large: NDArray[np.int64]
    """Of options that can be mixed, all have to be large."""
    others: NDArray[np.int64]
    """Options that land on devices or nodes and are not large."""

    @classmethod
    def of(cls, problem: Problem) -> Self | None:
        """Of the tier with most of them; None where there are none."""
        capacity = problem.device_capacity.max(axis=0)
        alone = problem.shape == Shape.DEVICE
        large = np.zeros((problem.option_count, len(capacity)), dtype=bool)
        for tier, offered in enumerate(capacity.tolist()):
            least = np.full(problem.option_count, np.inf)
            np.minimum.at(least, problem.blend, problem.device_bytes[:, tier])
            large[:, tier] = alone & (least[problem.blend] > (0.5 + _MARGIN) * offered)
        if not large.any():
            return None
        tier = int(large.sum(axis=0).argmax())
        others = np.flatnonzero((problem.shape != Shape.ALL) & ~large[:, tier])
        return cls(problem, tier, np.flatnonzero(large[:, tier]), others)

    def are_tempting(self, relaxation: Relaxation, free: float) -> bool:
        """Whether the relaxed optimum uses some, and all memory but a share that is ``free``."""
        problem = self.problem
        held = relaxation.share @ problem.total_device_bytes[:, self.tier]
        is_full = held >= (1 - free) * problem.device_capacity[:, self.tier].sum()
        return bool(is_full and relaxation.share[self.large].any())

    def lower_bound(
        self,
        unit_rows: NDArray[np.int64],
        first: NDArray[np.bool_],
        *,
        upper_bound: float,
        limits: Limits,
        should_stop: Callable[[], bool],
        pricings: int = PRICINGS,
    ) -> float:
        """Seconds, at most ``upper_bound``, an objective that is known to be reachable.

        ``unit_rows`` (n, 2) are the (item, stage) pairs whose unit rows matter, ``first`` (O,) the
        options that an optimum is likely made of. ``limits.nodes`` is how many programs are solved,
        each of which lets in options ``pricings`` times before it lets in all.
        """
        devices = self.problem.device_count
        is_open = np.concatenate([first, first[self.others]])
        whole = self._optimum(unit_rows, is_open, 0, devices, limits, pricings)
        ranges = [(whole, 0, devices)]
        for _ in range((limits.nodes or 4 * devices) // 2):
            bound, fewest, most = ranges[0]
            if should_stop() or bound >= upper_bound or fewest == most:
                break
            heappop(ranges)
            middle = (fewest + most) // 2
            for low, high in ((fewest, middle), (middle + 1, most)):
                found = self._optimum(unit_rows, is_open, low, high, limits, pricings)
                heappush(ranges, (max(bound, found), low, high))
        return min(ranges[0][0], upper_bound)

    def _optimum(
        self,
        unit_rows: NDArray[np.int64],
        is_open: NDArray[np.bool_],
        fewest: int,
        most: int,
        limits: Limits,
        pricings: int,
    ) -> float:
        """Seconds of any placement with that many large units, at least.

        Of the options, and of what lies beside large units, those are let in that turn out to be
        worth it: ``is_open`` tells which, and is opened further.
        """
        program, priced = self._program(unit_rows, fewest, most)
        for pricing in range(pricings + 1):
            if pricing == pricings:
                is_open[:] = True
            upper = program.upper.copy()
            upper[priced[~is_open]] = 0.0
            answer = solve_program(replace(program, upper=upper), Limits(limits.until))
            if answer.status is Status.INFEASIBLE and is_open.all():
                return float("inf")
            if answer.status is not Status.OPTIMAL or answer.column_duals is None:
                if is_open.all():
                    break
                is_open[:] = True
                continue
            wanted = ~is_open & (answer.column_duals[priced] < -_TOLERANCE)
            if not wanted.any():
                return answer.bound * self.problem.time_unit * (1 - _SAFETY)
            is_open |= wanted
        return 0.0

    def _program(
        self, unit_rows: NDArray[np.int64], fewest: int, most: int
    ) -> tuple[Program, NDArray[np.int64]]:
        """The relaxation with the rows of both classes, and the columns of all options and then of
        how often units of ``others`` land on devices that hold a large one."""
        problem = self.problem
        every = np.ones(problem.option_count, dtype=bool)
        build, columns = relaxation_rows(problem, every, unit_rows)
        lands = (problem.units * problem.width).astype(np.float64)
        large, others = self.large, self.others
        count = build.add_rows("large", [np.array([0])], lower=float(fewest), upper=float(most))
        build.add_entries(count, columns.y[large], lands[large])
        beside = build.add_columns("beside", [others])
        offered = build.add_rows("offered", [others], lower=0.0)
        build.add_entries(offered, columns.y[others], lands[others])
        build.add_entries(offered, beside, -1.0)
        self._add_time(build, columns, beside, lands, (most, problem.device_count - fewest))
        self._add_memory(build, columns, beside, lands, (fewest, problem.device_count - most))
        return build.build(), np.concatenate([columns.y, beside])

    def _add_time(
        self,
        build: ProgramBuilder,
        columns: RelaxationColumns,
        beside: NDArray[np.int64],
        lands: NDArray[np.float64],
        most: tuple[int, int],
    ) -> None:
        """The slowest device bears the mean of either class, of ``most`` devices at most.

        What units spill on their neighbours is left out: these may be of either class.
        """
        problem, large, others = self.problem, self.large, self.others
        load = problem.load_seconds / problem.time_unit
        stages = np.arange(problem.stage_count)
        with_one, without = (
            build.add_rows(name, [stages], lower=0.0) for name in ("time_with", "time_without")
        )
        for rows, devices in zip((with_one, without), most, strict=True):
            build.add_entries(rows, columns.stage, float(devices))
            build.add_entries(rows, columns.base, -float(devices))
        build.add_entries(with_one[None], beside[:, None], -load[others])
        build.add_entries(with_one[None], columns.y[large, None], -load[large] * lands[large, None])
        build.add_entries(without[None], beside[:, None], load[others])
        build.add_entries(
            without[None], columns.y[others, None], -load[others] * lands[others, None]
        )

    def _add_memory(
        self,
        build: ProgramBuilder,
        columns: RelaxationColumns,
        beside: NDArray[np.int64],
        lands: NDArray[np.float64],
        fewest: tuple[int, int],
    ) -> None:
        """Either class holds its own; all-device options lie on at least the ``fewest`` devices."""
        problem, large, others = self.problem, self.large, self.others
        capacity = problem.device_capacity[:, self.tier].max()
        share = problem.device_bytes[:, self.tier] / capacity
        everywhere = np.flatnonzero(problem.shape == Shape.ALL)
        with_one = build.add_rows("memory_with", [np.array([0])], upper=0.0)
        without = build.add_rows(
            "memory_without", [np.array([0])], upper=float(problem.device_count)
        )
        for row, devices in zip((with_one, without), fewest, strict=True):
            build.add_entries(row, columns.y[everywhere], devices * share[everywhere])
        build.add_entries(with_one, beside, share[others])
        build.add_entries(with_one, columns.y[large], (share[large] - 1.0) * lands[large])
        build.add_entries(without, beside, -share[others])
        build.add_entries(without, columns.y[others], share[others] * lands[others])
        build.add_entries(without, columns.y[large], lands[large])
