"""The best placement without one of the groups that it pays for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from shardplan.solve.problem.placement import evaluate
from shardplan.solve.search.annealing.insertion import Candidates, Inserter
from shardplan.solve.search.annealing.population import Population
from shardplan.solve.search.groups.hopeful import hopeful
from shardplan.solve.search.move import Move, Turn
from shardplan.solve.search.repartition.rebalance import rebalance
from shardplan.solve.search.starts.fill_greedily import FillParams

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.solve.problem.placement import Placement
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.record import Record


@dataclass(frozen=True, slots=True)
class CloseGroups(Move):
    """Give all items of a group other options at once, and balance again.

    Items that leave a group one by one gain nothing before the last of them has left.
    """

    name: ClassVar[str] = "close_groups"

    fill: FillParams = field(default_factory=FillParams)
    most_cells: int = 2_000_000
    """Options times devices, of items that leave, beyond which it is not worth its time."""
    rounds: int = 100
    """Of repartition afterwards."""
    worst: float = 1.1
    """What is longer than that, relative to what is known, is not balanced."""

    def supports(self, problem: Problem) -> bool:
        """Where groups are charged for."""
        return problem.objective.charges is not None

    def improve(self, record: Record, turn: Turn) -> None:
        """Close the groups of the record's placement, one after the other."""
        charges, best = record.problem.objective.charges, record.placement
        if charges is None or best is None:
            return
        params = turn.repartition.cooled(min(self.rounds, turn.repartition.rounds))
        drawn = record.worth_drawing() & turn.drawn_from
        used = np.flatnonzero(charges.uses(best.option) > 0)
        if not record.is_first(f"close groups of {used.tolist()}"):
            return
        for group in used[np.argsort(-charges.seconds[used].sum(axis=1), kind="stable")].tolist():
            if record.should_stop():
                return
            if not _may_gain(record, group):
                continue
            record.reporter.starting("groups")
            allowed = drawn & ~charges.of_option[:, group]
            start = _without(record, best, charges.of_option[:, group], allowed, self)
            if start is None:
                continue
            record.offer(start, "groups")
            if evaluate(record.problem, start).objective < record.objective * self.worst:
                rebalance(record, start, allowed, params, turn.restart * charges.count + group)


def _may_gain(record: Record, group: int) -> bool:
    """Whether any hopeful branch does not pay for a group."""
    return any(not branch.is_paid[group] for branch in hopeful(record))


def _without(
    record: Record,
    placement: Placement,
    in_group: NDArray[np.bool_],
    allowed: NDArray[np.bool_],
    params: CloseGroups,
) -> Placement | None:
    """The placement with every item of the group as one of the ``allowed`` (O,) options; None where
    an item has none of them, or that takes too long."""
    problem = record.problem
    leaving = in_group[placement.option]
    open_ = allowed & leaving[problem.item_of_option]
    counts = np.bincount(problem.item_of_option[open_], minlength=problem.item_count)
    too_many = int(open_.sum()) * problem.device_count > params.most_cells
    if (counts[leaving] == 0).any() or too_many:
        return None
    open_[placement.option[~leaving]] = True
    inserter = Inserter(
        problem,
        Candidates.of(problem, open_),
        log2_exponent=params.fill.log2_exponent,
        penalty_seconds=params.fill.overflow_price * record.scale_seconds,
    )
    population = Population(problem, 1)
    population.copy_in(0, placement.unmixed)
    items = list(_heaviest_first(problem, placement, leaving))
    for item in items:
        population.remove(item)
    for item in items:
        if record.should_stop():
            return None
        population.insert(
            item, *inserter.choose(population, item, np.zeros(1), np.random.default_rng(0))
        )
    return population.placement(0)


def _heaviest_first(
    problem: Problem, placement: Placement, leaving: NDArray[np.bool_]
) -> Iterator[NDArray[np.int64]]:
    """(1,) each: the items that leave, those first that put most on devices now."""
    items = np.flatnonzero(leaving)
    seconds = problem.total_load_seconds[placement.option[items]].sum(axis=1)
    for item in items[np.argsort(-seconds, kind="stable")].tolist():
        yield np.array([item])
