"""The option choice once more, deeper, for what the best placement leaves open by now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shardplan.solve.bound.large_units import MOST_COLUMNS, large_units
from shardplan.solve.search.move import Move, Turn, When
from shardplan.solve.search.starts.starting_options import OptionChoiceParams, choose_for_bound

if TYPE_CHECKING:
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.record import Record


@dataclass(frozen=True, slots=True)
class DeeperChoice(Move):
    """Prove what whole options cost, large units included, with larger trees from pass to pass.

    It comes last in a pass, so that however long its trees take a search has been before.
    """

    name: ClassVar[str] = "deeper_choice"
    when: ClassVar[When] = When.END

    choice: OptionChoiceParams = field(default_factory=OptionChoiceParams)
    large_columns: int = MOST_COLUMNS
    """Fractions beside large units, beyond which what these waste is not worth finding out."""

    def supports(self, problem: Problem) -> bool:
        """Where no options can be mixed."""
        return not problem.mixable.any()

    def improve(self, record: Record, turn: Turn) -> None:
        """Raise the bound, from the second pass on: the first begins with such choices."""
        allowed = record.worth_trying()
        if turn.number_of_pass == 0 or record.placement is None:
            return
        choice = self.choice.stretched(turn.stretch)
        if allowed.sum() > choice.most_options:
            return
        record.reporter.starting("option choice")
        large = large_units(
            record.problem,
            allowed,
            record.relaxation.unit_rows,
            record.objective,
            record.limits(),
            round(self.large_columns * turn.stretch),
        )
        number = turn.number_of_pass
        choose_for_bound(record, allowed, choice, large=large or None, number_of_pass=number)
