"""An annealing before all restarts, where options can be mixed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from shardplan.solve.search.annealing.annealing import Annealing
from shardplan.solve.search.move import When
from shardplan.solve.search.starts.polish import PolishParams, polish

if TYPE_CHECKING:
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.move import Turn
    from shardplan.solve.search.record import Record


@dataclass(frozen=True, slots=True)
class EarlyAnnealing(Annealing):
    """Anneal, mix and polish where all that is known is far from good.

    It finds which options go together in much less time than a fresh start takes there, and a
    placement that fits where memory is so full that first placements do not.
    """

    name: ClassVar[str] = "early_annealing"
    when: ClassVar[When] = When.START

    most_places: int = 4_000
    steps: int = 600
    polishing_rounds: int = 700
    """Of repartition, which may change options ..."""
    polishes: int = 3
    """... this many times at most, with a new mix each time."""

    def supports(self, problem: Problem) -> bool:
        """Some options can be mixed."""
        return bool(problem.mixable.any())

    def improve(self, record: Record, turn: Turn) -> None:
        """Anneal, unless what is known is good enough to go on from."""
        if not record.is_far or record.place_count > self.most_places:
            return
        before = record.placement
        Annealing.improve(self, record, turn)
        found = record.placement
        if found is None or found is before:
            return
        allowed = record.worth_drawing() & turn.drawn_from
        allowed |= np.isin(np.arange(record.problem.option_count), found.option)
        rounds = max(1, round(self.polishing_rounds * turn.stretch))
        polish(
            record,
            found,
            allowed,
            turn.repartition.cooled(rounds),
            turn.restart,
            PolishParams(self.polishes),
        )
