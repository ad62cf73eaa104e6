"""The choice of an option for each table, as one integer program."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.serving.options.coefficients import at
from shardplan.serving.program.relaxation import Relaxation
from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program
from shardplan.solve.program.program import ProgramBuilder

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.serving.batch_shape import BatchShape
    from shardplan.serving.options.option_set import OptionSet, Segments
    from shardplan.serving.served_case import ServedCase
    from shardplan.solve.program.answer import Limits, Watch
    from shardplan.solve.program.program import Program

_UNIT_SECONDS = 1e-6
"""Of the program's numbers, near 1 so that tolerances mean something."""
_UNIT_BYTES = 2**20


@dataclass(frozen=True, eq=False, slots=True)
class Choice:
    """What the program answered."""

    options: NDArray[np.int64] | None
    """(T,): the option of each table; None where none was found."""
    cached_rows: NDArray[np.float64]
    """(T,): rows that caches of each shard hold; 0 where there is none."""
    objective_seconds: float
    """Of lookups and gather of the batch."""
    bound_seconds: float
    """Of lookups and gather of the batch: no choice among the options is faster. Infinite where
    there is none at all."""
    is_proven: bool
    """Whether the search ended with the asked gap, or with the proof that there is no choice."""


def choose(
    case: ServedCase,
    options: OptionSet,
    segments: Segments,
    batch: BatchShape,
    limits: Limits,
    seed: int = 0,
    watch: Watch | None = None,
) -> Choice:
    """The options for which a ``batch`` is served fastest, as near to the best as ``limits`` ask.

    Raises SolverError where the solver fails.
    """
    program, columns, grown = _program(case, options, segments, batch)
    start = None
    if len(grown):
        start = _without_caches(program, columns[np.unique(segments.option)], limits, seed, watch)
    answer = solve_program(program, limits, start=start, seed=seed, watch=watch)
    if answer.status is Status.INFEASIBLE:
        return Choice(None, np.zeros(0), float("inf"), float("inf"), is_proven=True)
    bound = max(0.0, answer.bound * _UNIT_SECONDS)
    if answer.status is not Status.OPTIMAL:
        bound = max(bound, Relaxation.of(case, options, segments, batch).bound())
    if answer.x is None:
        return Choice(None, np.zeros(0), float("inf"), bound, is_proven=False)
    taken = np.flatnonzero(answer.x[columns] > 1 / 2)
    taken = taken[np.argsort(options.table[taken], kind="stable")]
    rows = np.zeros(len(options.choices))
    np.add.at(rows, segments.option, answer.x[grown] * segments.rows)
    found = answer.objective * _UNIT_SECONDS
    return Choice(taken, rows[taken], found, bound, answer.status is Status.OPTIMAL)


def _without_caches(
    program: Program, cached: NDArray[np.int64], limits: Limits, seed: int, watch: Watch | None
) -> NDArray[np.float64] | None:
    """A point to start from, in a third of the time; None where none is found."""
    upper = program.upper.copy()
    upper[cached] = 0.0
    soon = replace(limits, until=limits.until.within(limits.until.seconds_left / 3))
    return solve_program(replace(program, upper=upper), soon, seed=seed, watch=watch).x


def free_bytes(case: ServedCase) -> NDArray[np.float64]:
    """(D,): HBM that tables may fill; the first device has the dense layers too."""
    free = np.full(case.replica.devices, case.replica.capacity_bytes[0])
    free[0] -= case.dense_memory_bytes
    return free


def _program(
    case: ServedCase, options: OptionSet, segments: Segments, batch: BatchShape
) -> tuple[Program, NDArray[np.int64], NDArray[np.int64]]:
    """The program, the columns of the options, and those of the segments: the share of each that
    is taken. Since those of an option save less from one to the next, they are taken in order."""
    tables, devices = len(case.serving.tables), case.replica.devices
    which = np.arange(len(options.choices))
    lookup = at(options.lookup, batch) / _UNIT_SECONDS
    gather = at(options.gather, batch) / _UNIT_SECONDS
    build = ProgramBuilder()
    x = build.add_columns("x", [which], cost=gather, upper=1.0, integer=True)
    longest = build.add_columns("longest", [0], cost=1.0)
    start = case.replica.gather_start_seconds / _UNIT_SECONDS
    gathers = build.add_columns("gathers", [0], cost=start, upper=1.0, integer=True)

    once = build.add_rows("one_option", [np.arange(tables)], lower=1.0, upper=1.0)
    build.add_entries(once[options.table], x, 1.0)
    begun = case.profile.lookup_forward.launch_seconds / _UNIT_SECONDS
    ends = build.add_rows("device_ends", [np.arange(devices)], lower=begun)
    build.add_entries(ends, longest[0], 1.0)
    on_option, on_device = np.nonzero(lookup)
    build.add_entries(ends[on_device], x[on_option], -lookup[on_option, on_device])
    if options.is_remote.any():
        remote = build.add_rows("remote", [np.arange(tables)], upper=0.0)
        there = np.flatnonzero(options.is_remote)
        build.add_entries(remote[options.table[there]], x[there], 1.0)
        build.add_entries(remote, gathers[0], -1.0)
    room = build.add_rows("hbm", [np.arange(devices)], upper=free_bytes(case) / _UNIT_BYTES)
    on_option, on_device = np.nonzero(options.hbm_bytes)
    build.add_entries(
        room[on_device], x[on_option], options.hbm_bytes[on_option, on_device] / _UNIT_BYTES
    )
    ddr = build.add_rows("ddr", [0], upper=case.replica.capacity_bytes[1] / _UNIT_BYTES)
    build.add_entries(ddr[0], x, options.ddr_bytes / _UNIT_BYTES)
    grown = np.zeros(0, dtype=np.int64)
    if len(segments.option):
        grown = build.add_columns("grown", [np.arange(len(segments.option))], upper=1.0)
        only = build.add_rows("of_option", [np.arange(len(segments.option))], upper=0.0)
        build.add_entries(only, grown, 1.0)
        build.add_entries(only, x[segments.option], -1.0)
        for device in range(devices):
            there = np.flatnonzero(_lands(options, device)[segments.option])
            saved = at(segments.saved, batch)[there] * segments.rows[there] / _UNIT_SECONDS
            build.add_entries(ends[device], grown[there], saved)
            filled = segments.rows[there] * segments.row_bytes[there] / _UNIT_BYTES
            build.add_entries(room[device], grown[there], filled)
    if case.serving.loss_at_most is not None:
        unit = case.serving.loss_at_most or 1.0
        most = case.serving.loss_at_most / unit
        quality = build.add_rows("quality", [0], upper=most)
        build.add_entries(quality[0], x, options.loss / unit)
    return build.build(), x, grown


def _lands(options: OptionSet, device: int) -> NDArray[np.bool_]:
    """(O,): whether an option has a shard on a device."""
    return np.array([device in each.way.devices for each in options.choices])
