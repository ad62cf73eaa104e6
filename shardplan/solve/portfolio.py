"""The methods in the order in which they pay: bound, greedy, search, option choice, program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.annealing import AnnealParams, anneal
from shardplan.solve.assignment import assignment
from shardplan.solve.backend import Limits, Status, Watch, solve_program
from shardplan.solve.blocks import BlockParams, improve_blocks
from shardplan.solve.incumbent import Incumbent
from shardplan.solve.option_choice import choose_options
from shardplan.solve.placement import evaluate
from shardplan.solve.problem import Shape
from shardplan.solve.record import Record
from shardplan.solve.relaxation import Relaxation, relax
from shardplan.solve.repartition import RepartitionParams, repartition
from shardplan.solve.reporter import Reporter
from shardplan.solve.rounding import fill_greedily, first_placements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.solve.outcome import Outcome
    from shardplan.solve.placement import Placement
    from shardplan.solve.problem import Problem
    from shardplan.solve.settings import Settings

_POPULATION_CELLS = 25_000
"""About how many numbers a step of the annealing touches: large enough to hide Python."""
_WHOLE_SEARCH = 5_000
"""Items times devices up to which annealing and blocks are worth their time."""
_LARGEST_CHOICE = 200_000
"""Options up to which an integer program chooses among them."""
_CHOICE_NODES = 2000
"""Nodes of its tree, when the caller does not limit them."""
_LARGEST_PROGRAM = 60_000
"""Variables beyond which the integer program is not tried."""
_SMALL_PROGRAM = 250
"""Variables up to which the integer program comes first: it is done before a search is."""
_NODE_COLUMNS = 1_600_000
"""Nodes times variables of the integer program's tree, when the caller limits neither."""
_SAFETY = 1e-7
"""Relative allowance for rounding, taken off the integer program's bound."""
_CYCLES = 4
"""Choices of options that a search begins with, each for the balance that the last one reached."""
_GREEDY_ROUNDS = 200
_CYCLE_ROUNDS = 3000
"""Rounds of repartition after a greedy fill, and after a choice of options."""
_LEAST_BALANCE = 0.5
_COPIES_DEVICES = 64
"""Copies are searched side by side so that they have about so many devices together."""
_WIDE_CLUSTER = 256
"""Devices from which pairs combine fewer changes at once."""


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
    record = Record(problem, settings, reporter or Reporter())
    for start in starts:
        record.offer(start, "start")
    relaxation = _bound(record)
    if settings.method in ("auto", "search", "milp", "greedy") and not record.should_stop():
        _greedy(record, relaxation)
    if settings.method in ("auto", "search", "milp"):
        _improve(record, relaxation)
    return record.outcome()


def _improve(record: Record, relaxation: Relaxation) -> None:
    """Choose options, place and balance them in cycles; then prove by the integer program."""
    small = _program_size(record, relaxation) <= _SMALL_PROGRAM
    if small and record.settings.method == "auto":
        _integer_program(record, relaxation)
    if record.settings.method != "milp":
        balance = np.ones(record.problem.stage_count)
        for cycle in range(_CYCLES):
            if record.should_stop():
                return
            balance = _cycle(record, relaxation, balance, cycle)
    if record.settings.method != "search" and not record.should_stop():
        _integer_program(record, relaxation)


def _cycle(
    record: Record, relaxation: Relaxation, balance: NDArray[np.float64], cycle: int
) -> NDArray[np.float64]:
    """Choose options for a (S,) balance and search from there; returns what it reached."""
    problem = record.problem
    allowed = _worth_trying(record, relaxation)
    start, begun = record.placement, allowed
    option = _choose(record, relaxation, allowed, None if cycle == 0 else balance)
    if option is not None and not record.should_stop():
        record.reporter.starting("fill")
        begun = np.isin(np.arange(problem.option_count), option)
        start = fill_greedily(problem, relaxation, begun)
    if start is None or record.should_stop():
        return balance
    found = _repartition(record, relaxation, start, allowed, _CYCLE_ROUNDS, cycle)
    if problem.item_count * problem.device_count <= _WHOLE_SEARCH and not record.should_stop():
        _search_blocks(record, relaxation, cycle)
        _search(record, relaxation, cycle)
    if found is None:
        return balance
    reached = _balance(problem, found)
    return reached if cycle == 0 else np.sqrt(balance * reached)


def _balance(problem: Problem, placement: Placement) -> NDArray[np.float64]:
    """(S,): the mean load of each stage over its maximum, all-device options aside."""
    load = evaluate(problem, placement).load_seconds
    everywhere = placement.option[problem.shape[placement.option] == Shape.ALL]
    base = problem.load_seconds[everywhere].sum(axis=0)
    most = load.max(axis=0) - base
    mean = load.mean(axis=0) - base
    ratio = np.divide(mean, most, out=np.ones_like(mean), where=most > 1e-12 * load.max(initial=0))
    reached: NDArray[np.float64] = ratio.clip(_LEAST_BALANCE, 1.0)
    return reached


def _bound(record: Record) -> Relaxation:
    record.reporter.starting("bound")
    relaxation = relax(record.problem, limits=Limits(seconds=record.seconds_left))
    record.prove(relaxation.lower_bound, "relaxation")
    return relaxation


def _greedy(record: Record, relaxation: Relaxation) -> None:
    record.reporter.starting("greedy")
    for number, (start, allowed) in enumerate(first_placements(record.problem, relaxation)):
        if record.should_stop():
            return
        record.offer(start, "greedy")
        _repartition(record, relaxation, start, allowed, _GREEDY_ROUNDS, number)


def _repartition(
    record: Record,
    relaxation: Relaxation,
    start: Placement,
    allowed: NDArray[np.bool_],
    rounds: int,
    number: int,
) -> Placement | None:
    """Balance a start; returns the best placement that fits, whether or not it is a record."""
    devices = record.problem.device_count
    record.reporter.starting("repartition")
    incumbent = Incumbent()
    repartition(
        record.problem,
        start,
        allowed,
        RepartitionParams(
            copies=int(np.clip(_COPIES_DEVICES // devices, 1, 8)),
            rounds=rounds,
            changes=8 if devices > _COPIES_DEVICES else 6,
        ),
        np.random.default_rng((record.settings.seed, rounds, number)),
        scale_seconds=_scale(record),
        incumbent=incumbent,
        should_stop=record.should_stop,
    )
    if incumbent.placement is not None:
        record.offer(incumbent.placement, "repartition")
    return incumbent.placement


def _search(record: Record, relaxation: Relaxation, number: int) -> None:
    record.reporter.starting("annealing")
    problem = record.problem
    allowed = _worth_trying(record, relaxation)
    incumbent = Incumbent(record.objective)
    cells = problem.device_count * problem.stage_count * allowed.sum() / problem.item_count
    anneal(
        problem,
        allowed,
        AnnealParams(size=int(np.clip(_POPULATION_CELLS / cells, 2, 48)), steps=400 * (number + 1)),
        np.random.default_rng((record.settings.seed, number)),
        scale_seconds=_scale(record),
        incumbent=incumbent,
        starts=[record.placement] if record.placement is not None else [],
        should_stop=record.should_stop,
    )
    if incumbent.placement is not None:
        record.offer(incumbent.placement, "annealing")


def _search_blocks(record: Record, relaxation: Relaxation, number: int) -> None:
    if record.placement is None or record.should_stop():
        return
    record.reporter.starting("blocks")
    placement = improve_blocks(
        record.problem,
        record.placement,
        _worth_trying(record, relaxation),
        BlockParams(),
        np.random.default_rng((record.settings.seed, number)),
        Watch(should_stop=record.should_stop),
    )
    record.offer(placement, "blocks")


def _choose(
    record: Record,
    relaxation: Relaxation,
    allowed: NDArray[np.bool_],
    balance: NDArray[np.float64] | None,
) -> NDArray[np.int64] | None:
    """(I,): an option for each item, or None; a perfect balance also gives a bound."""
    if allowed.sum() > _LARGEST_CHOICE:
        return None
    record.reporter.starting("option choice")
    nodes = record.settings.node_limit or _CHOICE_NODES
    choice = choose_options(
        record.problem,
        allowed,
        relaxation.unit_rows,
        Limits(record.seconds_left, nodes, record.settings.gap / 10),
        stop_above=record.objective,
        watch=record.watch("option choice") if balance is None else Watch(record.should_stop),
        balance=balance,
    )
    if balance is None:
        record.prove(choice.lower_bound, "option choice")
    return choice.option


def _integer_program(record: Record, relaxation: Relaxation) -> None:
    record.reporter.starting("milp")
    problem = record.problem
    allowed = _worth_trying(record, relaxation)
    if _program_size(record, relaxation) > _LARGEST_PROGRAM and record.settings.method != "milp":
        return
    model = assignment(problem, allowed)
    start = model.point(record.placement) if record.placement is not None else None
    nodes = record.settings.node_limit or max(50, _NODE_COLUMNS // model.program.column_count)
    answer = solve_program(
        model.program,
        Limits(record.seconds_left, nodes, record.settings.gap * 0.9),
        start=start,
        watch=record.watch("integer program"),
        seed=record.settings.seed,
    )
    if answer.x is not None:
        claimed = answer.objective * problem.time_unit
        record.offer(model.placement(answer.x), "integer program", claimed)
    if answer.status is Status.INFEASIBLE:
        record.prove(record.objective, "integer program")
    elif answer.bound > 0:
        # Options beyond the incumbent's reach were left out: they cannot lower the bound below it.
        bound = answer.bound * problem.time_unit * (1 - _SAFETY)
        record.prove(min(bound, record.objective), "integer program")


def _program_size(record: Record, relaxation: Relaxation) -> int:
    """How many whole variables the integer program has: one per option and place."""
    problem = record.problem
    places = np.array([problem.device_count, problem.node_count, 0])
    return int((places[problem.shape[_worth_trying(record, relaxation)]] + 1).sum())


def _worth_trying(record: Record, relaxation: Relaxation) -> NDArray[np.bool_]:
    """(O,): options that a placement better than the incumbent can contain."""
    slack = record.objective - relaxation.lower_bound
    allowed: NDArray[np.bool_] = relaxation.reduced_cost <= slack * (1 + 1e-6)
    if record.placement is not None:
        allowed[record.placement.option] = True
    return allowed


def _scale(record: Record) -> float:
    """The magnitude of what the placement decides about the objective."""
    constant = float(record.problem.chain_seconds.max(initial=0.0))
    return max(record.lower_bound - constant, record.lower_bound * 1e-3, 1e-12)
