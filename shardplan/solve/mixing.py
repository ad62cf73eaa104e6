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

from shardplan.solve.backend import Status, solve_program
from shardplan.solve.placement import Placement, per_device, per_node
from shardplan.solve.problem import Problem, Shape
from shardplan.solve.program import ProgramBuilder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.program import Program

_ROOM = 1 - 1e-6
"""Of a capacity, so that the linear solver's tolerance does not overfill it."""
_SLACK = 1e-7
"""By how much the objective may be longer than at its best while something else is made least."""


class Spare(Enum):
    """What is made least without making the objective longer."""

    WORK = "work"
    """The loads of all devices: a plan does nothing in vain."""
    BYTES = "bytes"
    """What lies in the memory of devices: a search finds room where there is some."""


def best_mix(problem: Problem, placement: Placement, spare: Spare | None = None) -> Placement:
    """The placement with proportions that make the objective least, and then what to ``spare``.

    Options that cannot be mixed stay as they are. Where no proportions fit into memory, the
    placement comes back unmixed.
    """
    items = np.flatnonzero(problem.mixable[placement.option])
    if not len(items):
        return placement
    mix = _Mix.of(problem, placement, items)
    answer = solve_program(mix.program)
    if answer.status is not Status.OPTIMAL or answer.x is None:
        return placement.unmixed
    x = answer.x
    if spare is not None:
        again = solve_program(mix.sparing(spare, x))
        x = again.x if again.status is Status.OPTIMAL and again.x is not None else x
    return mix.placement(x)


@dataclass(frozen=True, slots=True)
class BestSeconds:
    """What the best proportions reach, and where more memory would go."""

    objective: float
    """Seconds."""
    more_bytes: NDArray[np.float64]
    """(D, T): of the bytes lent, how many each device takes."""


def best_seconds(
    problem: Problem, placement: Placement, *, more_bytes: float = 0.0, lent_bytes: float = 0.0
) -> BestSeconds | None:
    """The least objective of all proportions, were memory larger than it is.

    ``more_bytes`` are added to each tier of every device. ``lent_bytes`` of each tier are there
    once, and go to the devices where they make the objective least. None where no proportions fit.
    """
    larger = replace(problem, device_capacity=problem.device_capacity + more_bytes)
    items = np.flatnonzero(problem.mixable[placement.option])
    mix = _Mix.of(larger, placement, items, lent_bytes)
    answer = solve_program(mix.program)
    if answer.status is not Status.OPTIMAL or answer.x is None:
        return None
    return BestSeconds(
        answer.objective * problem.time_unit, answer.x[mix.lent] * _unit_bytes(larger)
    )


@dataclass(frozen=True)
class _Mix:
    """The program and where its variables stand."""

    problem: Problem
    start: Placement
    program: Program
    options: NDArray[np.int64]
    """Those that may be mixed; the columns of the program begin with them."""
    stage: NDArray[np.int64]
    """(S,): columns."""
    objective: NDArray[np.int64]
    """(1,): the column that is minimised."""
    lent: NDArray[np.int64]
    """(D, T): columns for the memory that each device takes of what is lent."""

    @classmethod
    def of(
        cls,
        problem: Problem,
        start: Placement,
        items: NDArray[np.int64],
        lent_bytes: float = 0.0,
    ) -> _Mix:
        """Proportions of the ``items``, each within the blend of its option."""
        chosen = np.full(problem.item_count, -1)
        chosen[items] = problem.blends[start.option[items]]
        options = np.flatnonzero(problem.blends == chosen[problem.item_of_option])
        build = ProgramBuilder()
        w = build.add_columns("w", [options], upper=1.0)
        stage = build.add_columns("M", [np.arange(problem.stage_count)])
        objective = build.add_columns("objective", [np.array([0])], cost=1.0)
        whole = build.add_rows("whole", [items], lower=1.0, upper=1.0)
        build.add_entries(whole[np.searchsorted(items, problem.item_of_option[options])], w, 1.0)
        chain = build.add_rows(
            "chain",
            [np.arange(len(problem.chain_seconds))],
            lower=problem.chain_seconds / problem.time_unit,
        )
        build.add_entries(chain, objective, 1.0)
        build.add_entries(chain[problem.chain_of_stage], stage, -1.0)
        rows = _Rows(problem, start, items, options, w)
        unit = np.full(problem.stage_count, problem.time_unit)
        spill = None if problem.spill_seconds is None else problem.spill_seconds / unit
        rows.add(build, "stage", problem.own_seconds / unit, None, stage, spill)
        scale = _unit_bytes(problem)
        room = problem.device_capacity / scale * _ROOM
        memory = rows.add(build, "device_memory", problem.device_bytes / scale, room, None)
        lent = _lend(build, memory, lent_bytes / scale * _ROOM)
        scale = problem.node_capacity.max(axis=0, initial=1.0)
        room = problem.node_capacity / scale * _ROOM
        rows.add_to_nodes(build, "node_memory", problem.node_bytes / scale, room)
        return cls(problem, start, build.build(), options, stage, objective, lent)

    def sparing(self, spare: Spare, x: NDArray[np.float64]) -> Program:
        """The objective may be as long as in ``x``; what to ``spare`` is made least."""
        problem, program = self.problem, self.program
        upper, cost = program.upper.copy(), np.zeros(program.column_count)
        if spare is Spare.WORK:
            upper[self.stage] = x[self.stage] * (1 + _SLACK) + 1e-12
            spent = problem.total_load_seconds
        else:
            upper[self.objective] = x[self.objective] * (1 + _SLACK)
            spent = problem.total_device_bytes / problem.device_capacity.max(axis=0).clip(min=1.0)
        of_options = spent[self.options].sum(axis=1)
        cost[: len(self.options)] = of_options / max(float(of_options.max()), 1e-300)
        return replace(program, cost=cost, upper=upper)

    def placement(self, x: NDArray[np.float64]) -> Placement:
        """The start with the proportions of ``x``; of each item its largest is its option."""
        problem, start = self.problem, self.start
        weights = np.zeros(problem.option_count)
        weights[start.option] = 1.0
        weights[self.options] = x[: len(self.options)].clip(0.0)
        total = np.add.reduceat(weights, problem.option_offsets[:-1])
        weights /= total[problem.item_of_option]
        order = np.lexsort((-weights, problem.item_of_option))
        option = order[problem.option_offsets[:-1]]
        return Placement(option, start.unit_offsets, start.targets, weights)


@dataclass(frozen=True)
class _Rows:
    """Rows that sum up what lies on places, of mixed items by proportion."""

    problem: Problem
    start: Placement
    items: NDArray[np.int64]
    options: NDArray[np.int64]
    w: NDArray[np.int64]
    """(options,): the column of each."""

    def add(
        self,
        build: ProgramBuilder,
        family: str,
        per_option: NDArray[np.float64],
        room: NDArray[np.float64] | None,
        most: NDArray[np.int64] | None,
        spill: NDArray[np.float64] | None = None,
    ) -> NDArray[np.int64]:
        """What each device bears is within ``room`` (D, K), or at most ``most`` (K,), columns.

        ``spill`` (O, K) comes on top for every unit that lands on a device of the node. Returns the
        rows: of each device, one for each kind that anything bears on.
        """
        problem = self.problem
        fixed = per_device(problem, self.start, self._fixed(per_option))
        bears = per_option[self.options].any(axis=0)
        if spill is not None:
            spilt = per_node(problem, self.start, self._fixed(spill))
            fixed += np.repeat(spilt, problem.devices_per_node, axis=0)
            bears |= spill[self.options].any(axis=0)
        used = np.flatnonzero(bears | fixed.any(axis=0))
        used = used if room is None else np.arange(room.shape[1])
        place, kind = (part.ravel() for part in np.indices((problem.device_count, len(used))))
        upper = -fixed if room is None else room - fixed
        rows = build.add_rows(family, [place, kind], upper=upper[:, used].ravel())
        rows = rows.reshape(problem.device_count, len(used))
        if most is not None:
            build.add_entries(rows, most[used][None, :], -1.0)
        everywhere = self._everywhere(build, family, per_option[:, used])
        build.add_entries(rows, everywhere[None, :], 1.0)
        at, column, count = self._touched(Shape.DEVICE)
        borne = count[:, None] * per_option[self.options[column]]
        build.add_entries(rows[at], self.w[column][:, None], borne[:, used])
        if spill is not None:
            shared = self._shared(build, spill[:, used])
            build.add_entries(rows, np.repeat(shared, problem.devices_per_node, axis=0), 1.0)
        return rows

    def _shared(self, build: ProgramBuilder, spill: NDArray[np.float64]) -> NDArray[np.int64]:
        """(N, K): columns for what mixed items spill on every device of a node."""
        node, kind = (
            part.ravel() for part in np.indices((self.problem.node_count, spill.shape[1]))
        )
        shared = build.add_columns("spill", [node, kind]).reshape(-1, spill.shape[1])
        rows = build.add_rows("spilt", [node, kind], lower=0.0, upper=0.0)
        rows = rows.reshape(shared.shape)
        build.add_entries(rows, shared, -1.0)
        at, column, count = self._touched(Shape.NODE)
        spilt = count[:, None] * spill[self.options[column]]
        build.add_entries(rows[at], self.w[column][:, None], spilt)
        return shared

    def add_to_nodes(
        self,
        build: ProgramBuilder,
        family: str,
        per_option: NDArray[np.float64],
        room: NDArray[np.float64],
    ) -> None:
        """What each node holds is within ``room`` (N, K)."""
        problem = self.problem
        fixed = per_node(problem, self.start, self._fixed(per_option))
        used = np.flatnonzero(per_option[self.options].any(axis=0))
        place, kind = (part.ravel() for part in np.indices((problem.node_count, len(used))))
        rows = build.add_rows(family, [place, kind], upper=(room - fixed)[:, used].ravel())
        rows = rows.reshape(problem.node_count, len(used))
        everywhere = self._everywhere(build, family, per_option[:, used])
        build.add_entries(rows, everywhere[None, :], 1.0)
        at, column, count = self._touched(Shape.NODE)
        borne = count[:, None] * per_option[self.options[column]]
        build.add_entries(rows[at], self.w[column][:, None], borne[:, used])

    def _fixed(self, per_option: NDArray[np.float64]) -> NDArray[np.float64]:
        """(I, K): of the items that are not mixed."""
        fixed = per_option[self.start.option].copy()
        fixed[self.items] = 0.0
        return fixed

    def _everywhere(
        self, build: ProgramBuilder, family: str, per_option: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """(K,): columns for what mixed all-device items put on every place."""
        kinds = np.arange(per_option.shape[1])
        base = build.add_columns(f"{family}_base", [kinds])
        rows = build.add_rows(f"{family}_basis", [kinds], lower=0.0, upper=0.0)
        build.add_entries(rows, base, -1.0)
        shared = np.flatnonzero(self.problem.shape[self.options] == Shape.ALL)
        build.add_entries(rows[None, :], self.w[shared][:, None], per_option[self.options[shared]])
        return base

    def _touched(
        self, level: Shape
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
        """(n,): each place that a unit of a mixed item touches, an option of it, and how many."""
        problem, start = self.problem, self.start
        item = np.repeat(np.arange(problem.item_count), np.diff(start.unit_offsets))
        mixed = np.isin(item, self.items)
        item, place = item[mixed], start.targets[mixed]
        on_node = problem.shape[start.option[item]] == Shape.NODE
        each = problem.devices_per_node
        if level is Shape.NODE:
            place = np.where(on_node, place, place // each)
        else:
            spread = np.where(on_node, each, 1)
            first = np.repeat(np.where(on_node, place * each, place), spread)
            place = first + _counting(spread)
            item = np.repeat(item, spread)
        pairs, count = np.unique(np.column_stack([place, item]), axis=0, return_counts=True)
        owner = problem.item_of_option[self.options]
        begin = np.searchsorted(owner, pairs[:, 1])
        many = np.searchsorted(owner, pairs[:, 1], side="right") - begin
        column = np.repeat(begin, many) + _counting(many)
        return np.repeat(pairs[:, 0], many), column, np.repeat(count, many).astype(np.float64)


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


def _counting(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... of each count, one after the other."""
    return np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
