"""The choice of an option for each table, as one integer program."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.serving.option_set import BATCH, CANDIDATE, QUERY
from shardplan.solve.program.answer import Limits, Status, Watch
from shardplan.solve.program.backend import solve_program
from shardplan.solve.program.program import ProgramBuilder

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from shardplan.serving.batch_shape import BatchShape
    from shardplan.serving.option_set import OptionSet
    from shardplan.serving.served_case import ServedCase
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.program.program import Program

_UNIT_SECONDS = 1e-6
"""Of the program's numbers, near 1 so that tolerances mean something."""
_UNIT_BYTES = 2**20


@dataclass(frozen=True, eq=False, slots=True)
class Choice:
    """What the program answered."""

    options: NDArray[np.int64] | None
    """(T,): the option of each table; None where none was found."""
    bound_seconds: float
    """Of lookups and gather of the batch: no choice among the options is faster. Infinite where
    there is none at all."""
    is_proven: bool
    """Whether the search ended with the asked gap, or with the proof that there is no choice."""


def choose(
    case: ServedCase,
    options: OptionSet,
    batch: BatchShape,
    gap: float,
    until: Deadline,
    seed: int = 0,
    should_stop: Callable[[], bool] = lambda: False,
) -> Choice:
    """The options for which a ``batch`` is served fastest, within a share ``gap`` of the best.

    Raises SolverError where the solver fails.
    """
    program, columns = _program(case, options, batch)
    answer = solve_program(
        program, Limits(until, relative_gap=gap), seed=seed, watch=Watch(should_stop=should_stop)
    )
    if answer.status is Status.INFEASIBLE:
        return Choice(None, float("inf"), is_proven=True)
    bound = max(0.0, answer.bound * _UNIT_SECONDS)
    if answer.x is None:
        return Choice(None, bound, is_proven=False)
    taken = np.flatnonzero(answer.x[columns] > 1 / 2)
    order = np.argsort(options.table[taken], kind="stable")
    return Choice(taken[order], bound, answer.status is Status.OPTIMAL)


def free_bytes(case: ServedCase) -> NDArray[np.float64]:
    """(D,): HBM that tables may fill; the first device has the dense layers too."""
    free = np.full(case.replica.devices, case.replica.capacity_bytes[0])
    free[0] -= case.dense_memory_bytes
    return free


def at(coefficients: NDArray[np.float64], batch: BatchShape) -> NDArray[np.float64]:
    """(..): seconds of a batch by (.., 3) coefficients."""
    seconds: NDArray[np.float64] = (
        coefficients[..., BATCH]
        + coefficients[..., QUERY] * batch.queries
        + coefficients[..., CANDIDATE] * batch.candidates
    )
    return seconds


def _program(
    case: ServedCase, options: OptionSet, batch: BatchShape
) -> tuple[Program, NDArray[np.int64]]:
    """The program and the columns of the options."""
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
    if case.serving.loss_at_most is not None:
        unit = case.serving.loss_at_most or 1.0
        most = case.serving.loss_at_most / unit
        quality = build.add_rows("quality", [0], upper=most)
        build.add_entries(quality[0], x, options.loss / unit)
    return build.build(), x
