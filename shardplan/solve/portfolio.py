"""The methods in the order in which they pay: bound, greedy, search, option choice, program."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.annealing import AnnealParams, Incumbent, anneal
from shardplan.solve.assignment import assignment
from shardplan.solve.backend import Limits, Status, solve_program
from shardplan.solve.blocks import BlockParams, improve_blocks
from shardplan.solve.exchange import ExchangeParams, exchange
from shardplan.solve.option_choice import choose_options
from shardplan.solve.record import Record
from shardplan.solve.relaxation import Relaxation, relax
from shardplan.solve.reporter import Reporter
from shardplan.solve.rounding import first_placements

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from shardplan.solve.outcome import Outcome
    from shardplan.solve.placement import Placement
    from shardplan.solve.problem import Problem
    from shardplan.solve.settings import Settings

_POPULATION_CELLS = 25_000
"""About how many numbers a step of the search touches at once: large enough to hide Python."""
_WHOLE_SEARCH = 20_000
"""Items times devices up to which the search takes the problem whole; beyond, in blocks."""
_LARGEST_CHOICE = 300
"""Items up to which options are chosen by an integer program; beyond, the relaxation is as good."""
_LARGEST_PROGRAM = 60_000
"""Variables beyond which the integer program is not tried."""
_SMALL_PROGRAM = 600
"""Variables up to which the integer program comes first: it is done before a search is."""
_NODE_COLUMNS = 1_600_000
"""Nodes times variables of the integer program's tree, when the caller limits neither."""
_SAFETY = 1e-7
"""Relative allowance for rounding, taken off the integer program's bound."""
_ROUNDS = (
    AnnealParams(steps=400),
    AnnealParams(steps=1000, largest_ruin=5),
    AnnealParams(steps=2000),
)
"""The search on small problems, each round with more effort."""
_FEWEST_BLOCKS = 40
"""Blocks searched in the first round; the next ones search twice and three times as many."""
_CROWDED = 4
"""Items per device from which a search in blocks pays."""


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
    """Search and bound in turn, each round with more effort, until the gap is met."""
    problem = record.problem
    whole = problem.item_count * problem.device_count <= _WHOLE_SEARCH
    if _program_size(record, relaxation) <= _SMALL_PROGRAM and record.settings.method == "auto":
        _integer_program(record, relaxation)
    if record.settings.method != "milp":
        for number, params in enumerate(_ROUNDS):
            if record.should_stop():
                return
            if whole or record.placement is None:
                _search(record, relaxation, params, number)
            if problem.item_count >= _CROWDED * problem.device_count and not record.should_stop():
                _search_blocks(record, relaxation, number)
            if problem.item_count <= _LARGEST_CHOICE and not record.should_stop():
                _choose(record, relaxation)
    if record.settings.method != "search" and not record.should_stop():
        _integer_program(record, relaxation)


def _bound(record: Record) -> Relaxation:
    record.reporter.starting("bound")
    relaxation = relax(record.problem, limits=Limits(seconds=record.seconds_left))
    record.prove(relaxation.lower_bound, "relaxation")
    return relaxation


def _greedy(record: Record, relaxation: Relaxation) -> None:
    record.reporter.starting("greedy")
    rng = np.random.default_rng(record.settings.seed)
    for placement in first_placements(record.problem, relaxation, rng, record.should_stop):
        record.offer(placement, "greedy")


def _search(record: Record, relaxation: Relaxation, params: AnnealParams, number: int) -> None:
    record.reporter.starting("search")
    problem = record.problem
    allowed = _worth_trying(record, relaxation)
    incumbent = Incumbent(record.objective)
    cells = problem.device_count * problem.stage_count * allowed.sum() / problem.item_count
    anneal(
        problem,
        allowed,
        params.resized(int(np.clip(_POPULATION_CELLS / cells, 2, 48))),
        np.random.default_rng((record.settings.seed, number)),
        scale_seconds=_scale(record),
        incumbent=incumbent,
        starts=[record.placement] if record.placement is not None else [],
        should_stop=record.should_stop,
    )
    if incumbent.placement is not None:
        record.offer(incumbent.placement, "search")


def _search_blocks(record: Record, relaxation: Relaxation, number: int) -> None:
    if record.placement is None:
        return
    most = max(_FEWEST_BLOCKS, record.problem.device_count // 4)
    params = BlockParams(blocks=(number + 1) * most)
    record.reporter.starting("blocks")
    rng = np.random.default_rng((record.settings.seed, number))
    allowed = _worth_trying(record, relaxation)
    placement = improve_blocks(
        record.problem, record.placement, allowed, params, rng, record.should_stop
    )
    record.offer(placement, "blocks")
    polish = ExchangeParams(rounds=200, log2_exponents=(6, 8))
    record.offer(exchange(record.problem, placement, polish, rng, record.should_stop), "exchange")


def _choose(record: Record, relaxation: Relaxation) -> None:
    record.reporter.starting("option choice")
    choice = choose_options(
        record.problem,
        _worth_trying(record, relaxation),
        Limits(record.seconds_left, record.settings.node_limit, record.settings.gap / 10),
        stop_above=record.objective,
        watch=record.watch("option choice"),
    )
    record.prove(choice.lower_bound, "option choice")


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
