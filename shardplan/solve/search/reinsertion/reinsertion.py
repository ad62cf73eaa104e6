"""Simulated annealing of one placement, an item or two at a time, in compiled code.

Each move takes one item out, or two, and puts each back: as what it was or as another option, its
units one after the other at the best of a few places. What comes of it is kept if it is not much
worse; how much falls with the temperature. The objective is smoothed by the power mean over
devices, whose exponent rises meanwhile. A move takes about a microsecond, so that a walk of
hundreds of thousands balances all stages together, where few devices hold many items.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from shardplan.solve.bound.classes.item_classes import ItemClasses
from shardplan.solve.problem.placement import Placement
from shardplan.solve.search.compiling.in_time import code_in_time
from shardplan.solve.search.move import Move, Turn, When
from shardplan.solve.search.reinsertion.arrays import (
    DICE,
    NOWHERE,
    Batches,
    BestWalk,
    Choices,
    Undo,
    Walk,
)
from shardplan.solve.search.repartition.compiled.arrays import Objective, Options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.record import Record

_CODE = "shardplan.solve.search.reinsertion.walk"
_BATCH = 50
"""Moves after which all is counted afresh, and the best placement heard of."""
_AT_ONCE = 400
"""Batches between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Reinsertion(Move):
    """Walk from the best placement, warm at first."""

    name: ClassVar[str] = "reinsertion"
    when: ClassVar[When] = When.RESTART

    moves: int = 200_000
    """In a restart of the first pass; more in later ones."""
    items_of_kind: float = 3.0
    """On average, from which repartition seldom finds what this does."""
    hottest: tuple[float, ...] = (3e-4, 1e-4, 1e-3)
    """The first temperatures, relative to the objective: of one restart after the other."""
    coldest: float = 1e-6
    """The last one."""
    log2_exponents: tuple[int, int] = (5, 9)
    """The exponent of the power mean rises from the first to the second as the walk cools."""
    overflow_price: float = 8.0
    """What a tier over by its whole capacity counts, in magnitudes of the objective."""

    def supports(self, problem: Problem) -> bool:
        """Where options are taken as they are."""
        return not problem.mixable.any()

    def improve(self, record: Record, turn: Turn) -> None:
        """Walk from the record's placement, if there is one, of items of few kinds."""
        problem, allowed, start = record.problem, record.worth_drawing(), record.placement
        if start is None or not self._has_few_kinds(problem, allowed):
            return
        code = self._code(record)
        choices = Choices.of(problem, allowed)
        if code is None or not choices.item.size:
            return
        record.reporter.starting("reinsertion")
        price = self.overflow_price * record.scale_seconds
        walk, options = Walk.of(problem, start, allowed), Options.of(problem)
        objective = Objective.of(problem, self.overflow_price)
        undo = Undo.of(walk, problem.devices_per_node)
        best = BestWalk(np.array([record.objective]), walk.option.copy(), walk.slot.copy())
        for batches in self._batches(record, turn):
            before = best.objective[0]
            code.walk_on(walk, options, choices, objective, batches, undo, best, price)
            if best.objective[0] < before:
                record.offer(placement_of(best.option, best.slot), "reinsertion")
            if record.should_stop():
                return

    def _code(self, record: Record) -> Any:
        """There is no other code for it: without a clock, what is found must not depend on whether
        it was compiled before."""
        budget = record.budget
        return code_in_time(
            _CODE,
            budget.deadline.seconds_left if budget.node_limit is None else float("inf"),
            is_long=True,
            waits_no_more=record.should_stop if budget.is_repeatable else None,
        )

    def _has_few_kinds(self, problem: Problem, allowed: NDArray[np.bool_]) -> bool:
        kinds = len(ItemClasses.of(problem, allowed).count)
        return problem.item_count >= self.items_of_kind * kinds

    def _batches(self, record: Record, turn: Turn) -> Iterator[Batches]:
        """All moves, some thousands at a time."""
        rng = np.random.default_rng((record.budget.seed, turn.restart))
        hottest = self.hottest[turn.restart % len(self.hottest)]
        count = max(1, round(self.moves * turn.stretch) // _BATCH)
        low, high = self.log2_exponents
        for first in range(0, count, _AT_ONCE):
            progress = np.arange(first, min(first + _AT_ONCE, count)) / count
            heat = hottest * (self.coldest / hottest) ** progress * record.scale_seconds
            dice = rng.random((len(progress), _BATCH, DICE))
            dice[:, :, 1] = -np.log1p(-dice[:, :, 1])
            squarings = low + np.round(progress * (high - low)).astype(np.int64)
            yield Batches(heat, squarings, dice)


def placement_of(option: NDArray[np.int64], slot: NDArray[np.int64]) -> Placement:
    """Of (I,) options and the (I, most units) places of their units."""
    return Placement.of(option.copy(), [row[row != NOWHERE] for row in slot])
