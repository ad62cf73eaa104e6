"""Options chosen for all items, placed greedily, and searched around."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from shardplan.solve.bound.large_units import MOST_COLUMNS, large_units
from shardplan.solve.bound.option_choice import choose_options
from shardplan.solve.program.answer import Watch
from shardplan.solve.search.move import Move, Turn, When
from shardplan.solve.search.repartition.rebalance import rebalance
from shardplan.solve.search.starts.fill_greedily import FillParams, fill_greedily
from shardplan.solve.search.starts.starting_options import (
    OptionChoiceParams,
    balance_to_hope_for,
    choose_for_bound,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.record import Record


@dataclass(frozen=True, slots=True)
class FreshStart(Move):
    """Choose, fill and repartition.

    The first choice takes it that all devices can be loaded alike, which gives a bound, and the
    second that they can but for those that hold large units, which gives a better one. The others
    know how well a placement could balance each stage, and avoid options that lean on stages that
    balance badly; or they are the best placement's own, filled in and balanced once more.
    """

    name: ClassVar[str] = "fresh_start"
    when: ClassVar[When] = When.FRESH

    choice: OptionChoiceParams = field(default_factory=OptionChoiceParams)
    fill: FillParams = field(default_factory=FillParams)

    most_chosen_again: int = 3_000
    """Options worth trying, beyond which a choice takes longer in later passes than it gives."""
    large_columns: int = MOST_COLUMNS
    """Fractions beside large units, beyond which what these waste is not worth finding out."""

    def supports(self, problem: Problem) -> bool:
        """Where no options can be mixed; ``MixedStart`` is for the others."""
        return not problem.mixable.any()

    def improve(self, record: Record, turn: Turn) -> None:
        """From a choice of options; where there is none, from all that are worth drawing."""
        option = self._choose(record, turn)
        if record.should_stop():
            return
        record.reporter.starting("fill")
        allowed = chosen = record.worth_drawing()
        if option is not None:
            chosen = np.isin(np.arange(record.problem.option_count), option)
        start = fill_greedily(record, chosen, self.fill)
        rebalance(record, start, allowed, turn.repartition, turn.restart)

    def _choose(self, record: Record, turn: Turn) -> NDArray[np.int64] | None:
        """(I,): an option for each item, or None."""
        problem, allowed = record.problem, record.worth_trying()
        choice = self.choice.stretched(turn.stretch)
        if allowed.sum() > choice.most_options:
            return None
        unit_rows = record.relaxation.unit_rows
        number, best = turn.number_of_pass, record.placement
        is_again = turn.fresh_of_pass == 1 or allowed.sum() > self.most_chosen_again
        if number and best is not None and is_again:
            return best.option
        record.reporter.starting("option choice")
        if not number and turn.fresh > 1 and best is not None and record.is_first("large units"):
            large = large_units(
                problem,
                allowed,
                unit_rows,
                record.objective,
                record.limits(),
                self.large_columns,
            )
            if large:
                return choose_for_bound(record, allowed, choice, large=large)
        if turn.restart == 0:
            return choose_for_bound(record, allowed, choice)
        return choose_options(
            problem,
            allowed,
            unit_rows,
            choice.limits(record, choice.nodes, number),
            stop_above=record.objective,
            watch=Watch(record.should_stop),
            balance=balance_to_hope_for(record, turn.restart, choice),
            rounds=choice.rounds,
        ).option
