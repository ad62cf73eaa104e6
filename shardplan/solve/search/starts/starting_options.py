"""One option for each item by integer program: for a bound, or to begin a search with."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from shardplan.solve.bound.option_choice import CHOICE_ROUNDS, choose_options
from shardplan.solve.problem.placement import evaluate
from shardplan.solve.problem.problem import Shape

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.bound.large_units import LargeUnits
    from shardplan.solve.bound.move_limit import MoveLimit
    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.program.answer import Limits
    from shardplan.solve.search.record import Record

_NO_LOAD = 1e-12
"""Of the longest load: a stage with no more than that beside its all-device options is balanced."""


@dataclass(frozen=True, slots=True)
class OptionChoiceParams:
    """How large a program chooses among options, and what for."""

    most_options: int = 200_000
    """Beyond which none does in the first pass; from pass to pass it may have more."""
    nodes: int = 2000
    """Of its tree, when the caller does not limit them."""
    rounds: int = CHOICE_ROUNDS
    """In which rows that a choice breaks are added, in the first pass."""
    node_options: int = 3_000_000
    """Nodes times options of the tree that proves a bound."""
    gap_share: float = 0.1
    """Of the gap that the caller asks for; ..."""
    open_share: float = 0.05
    """... and from the second pass on, of the gap that is still open, if that is more: a tree is
    not searched for what hardly changes it."""
    jitter: float = 0.04
    """How far, relatively, the balance that options are chosen for strays from what was reached."""
    least_balance: float = 0.5
    """Mean over maximum of a stage's loads below which options are not chosen for it."""

    def stretched(self, stretch: float) -> OptionChoiceParams:
        """Of a pass whose restarts last so much longer than the usual."""
        longer = max(1.0, stretch)
        most, rounds = round(self.most_options * longer), round(self.rounds * longer)
        return replace(self, most_options=most, rounds=rounds)

    def limits(self, record: Record, nodes: int, number_of_pass: int = 0) -> Limits:
        """Of a tree worth that many nodes."""
        gap = record.budget.gap * self.gap_share
        if number_of_pass and record.placement is not None:
            gap = max(gap, min(record.gap, 1.0) * self.open_share)
        return record.limits(record.budget.nodes(nodes), gap)


def choose_for_bound(
    record: Record,
    allowed: NDArray[np.bool_],
    params: OptionChoiceParams,
    *,
    large: LargeUnits | None = None,
    moves: MoveLimit | None = None,
    number_of_pass: int = 0,
) -> NDArray[np.int64] | None:
    """(I,): options for devices that can all be loaded alike, or but for ``large`` units.

    ``moves`` is what a placement may move.

    What they cost is a bound, which goes to the record. None where the program finds no options.
    """
    nodes = min(params.nodes, int(params.node_options // allowed.sum()))
    choice = choose_options(
        record.problem,
        allowed,
        record.relaxation.unit_rows,
        params.limits(record, nodes, number_of_pass),
        stop_above=record.objective,
        watch=record.watch("option choice"),
        large=large,
        moves=moves,
        rounds=params.rounds,
    )
    record.prove(choice.lower_bound, "option choice")
    return choice.option


def balance_to_hope_for(
    record: Record, restart: int, params: OptionChoiceParams
) -> NDArray[np.float64]:
    """(S,): what the best placement reached, a little of it by chance; all without one."""
    stages = record.problem.stage_count
    if record.placement is None:
        return np.ones(stages)
    rng = np.random.default_rng((record.budget.seed, restart))
    spread = 1.0 + params.jitter * rng.uniform(-1.0, 1.0, stages)
    reached = _balance(record.problem, record.placement, params.least_balance)
    hoped: NDArray[np.float64] = (reached * spread).clip(params.least_balance, 1.0)
    return hoped


def _balance(problem: Problem, placement: Placement, least_balance: float) -> NDArray[np.float64]:
    """(S,): the mean load of each stage over its maximum, all-device options aside."""
    load = evaluate(problem, placement).load_seconds
    everywhere = placement.option[problem.shape[placement.option] == Shape.ALL]
    base = problem.load_seconds[everywhere].sum(axis=0)
    most, mean = load.max(axis=0) - base, load.mean(axis=0) - base
    is_loaded = most > _NO_LOAD * load.max(initial=0)
    ratio = np.divide(mean, most, out=np.ones_like(mean), where=is_loaded)
    reached: NDArray[np.float64] = ratio.clip(least_balance, 1.0)
    return reached
