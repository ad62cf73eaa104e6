"""The methods in the order in which they pay: bound, greedy, search, patterns, integer program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.filling_units import FillingUnits
from shardplan.solve.bound.patterns import prove_balance
from shardplan.solve.bound.relaxation import relax
from shardplan.solve.exact.assignment import assignment
from shardplan.solve.mixing.representatives import near_best
from shardplan.solve.portfolio.record import Record
from shardplan.solve.portfolio.restarts import Cycles
from shardplan.solve.problem.stages import merge_stages
from shardplan.solve.program.answer import Status
from shardplan.solve.program.backend import solve_program
from shardplan.solve.reporter import Reporter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.solve.outcome import Outcome
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.settings import Settings

_LARGEST_PROGRAM = 6_000
"""Variables beyond which the integer program is not tried."""
_SMALL_PROGRAM = 250
"""Variables up to which the integer program comes first: it is done before a search is."""
_NODE_COLUMNS = 6_000_000
"""Nodes times variables of the integer program's tree, when the caller limits neither."""
_COARSE_GAP = 0.005
"""What the integer program is asked for first."""
_FIRST_OPTIONS = 3
"""Options of an item and shape with which a bound begins that lets in others as they are wanted."""
_FEW_DEVICES = 32
"""Up to which devices with and without filling units are told apart: a program for each number."""
_RANGES = 40
"""Such programs, at most."""
_SAFETY = 1e-7
"""Relative allowance for rounding, taken off the integer program's bound."""


def solve(
    problem: Problem,
    settings: Settings,
    reporter: Reporter | None = None,
    starts: Sequence[Placement] = (),
) -> Outcome:
    """Find a good placement and prove how good it is.

    ``starts`` are placements known already; the outcome is never worse than the best of them that
    fits. An outcome without a placement says whether that is proven (``is_infeasible``).
    """
    record = Record(merge_stages(problem), settings, reporter or Reporter())
    for start in starts:
        record.offer(start, "start")
    _bound(record)
    cycles = Cycles(record)
    if settings.method in ("auto", "search", "milp", "greedy") and not record.should_stop():
        cycles.greedy()
    if settings.method == "auto" and _program_size(record) <= _SMALL_PROGRAM:
        _integer_program(record)
    if settings.method in ("auto", "search"):
        for number in range(cycles.count):
            if not record.should_stop():
                cycles.run(number)
            if number == 0 and settings.method == "auto":
                _patterns(record)
                _filling_units(record)
    largest = _LARGEST_PROGRAM * settings.effort
    if settings.method == "milp" or (
        settings.method == "auto" and _program_size(record) <= largest
    ):
        _integer_program(record)
    return record.outcome()


def _bound(record: Record) -> None:
    record.reporter.starting("bound")
    record.relaxation = relax(record.problem, limits=record.limits())
    record.prove(record.relaxation.lower_bound, "relaxation")


def _patterns(record: Record) -> None:
    """Of one stage, few tables and few devices: solve by what a single device can hold."""
    if record.problem.stage_count > 1 or record.should_stop():
        return
    record.reporter.starting("patterns")
    limits = record.limits(record.settings.node_limit, record.settings.gap)
    proof = prove_balance(
        record.problem,
        record.worth_trying(),
        lower_bound=record.lower_bound,
        upper_bound=record.objective,
        limits=limits,
        watch=record.watch("patterns"),
    )
    if proof is not None:
        if proof.placement is not None:
            record.offer(proof.placement, "patterns")
        record.prove(proof.lower_bound, "patterns")


def _filling_units(record: Record) -> None:
    """Where memory is scarce: what units that nearly fill a device cost the others."""
    problem, relaxation = record.problem, record.relaxation
    if record.placement is None or record.should_stop() or problem.device_count > _FEW_DEVICES:
        return
    units = FillingUnits.of(problem)
    if units is None or not units.are_tempting(relaxation):
        return
    record.reporter.starting("filling units")
    bound = units.lower_bound(
        relaxation.unit_rows,
        near_best(problem, relaxation, _FIRST_OPTIONS),
        upper_bound=record.objective,
        limits=record.limits(_RANGES),
        should_stop=record.should_stop,
    )
    record.prove(bound, "filling units")


def _integer_program(record: Record) -> None:
    """Prove, and improve on occasion, by the program over all options still worth trying.

    First to a coarse gap, which HiGHS proves of programs on which it gets nowhere when asked for
    less; then, if that was reached, to the one that is wanted.
    """
    wanted = record.settings.gap
    for gap in sorted({max(wanted, _COARSE_GAP), wanted}, reverse=True):
        if record.should_stop() or not _solve_integer_program(record, gap * 0.9):
            return


def _solve_integer_program(record: Record, gap: float) -> bool:
    """Whether it was solved to the relative gap, or was proven to have no solution."""
    record.reporter.starting("milp")
    problem = record.problem
    model = assignment(problem, record.worth_trying())
    mixes = bool(problem.mixable.any())
    known = None if mixes else record.placement
    start = model.point(known) if known is not None else None
    nodes = record.nodes(max(50, _NODE_COLUMNS // model.program.column_count))
    answer = solve_program(
        model.program,
        record.limits(nodes, gap),
        start=start,
        watch=record.watch("integer program"),
        seed=record.settings.seed,
    )
    if answer.x is not None:
        claimed = None if mixes else answer.objective * problem.time_unit
        record.offer(model.placement(answer.x), "integer program", claimed)
    if answer.status is Status.INFEASIBLE:
        record.prove(record.objective, "integer program")
    elif answer.bound > 0:
        # Options beyond the incumbent's reach were left out: they cannot lower the bound below it.
        bound = answer.bound * problem.time_unit * (1 - _SAFETY)
        record.prove(min(bound, record.objective), "integer program")
    return answer.status in (Status.OPTIMAL, Status.INFEASIBLE)


def _program_size(record: Record) -> int:
    """How many whole variables the integer program has: one per option and place."""
    problem = record.problem
    places = np.array([problem.device_count, problem.node_count, 0])
    return int((places[problem.shape[record.worth_trying()]] + 1).sum())
