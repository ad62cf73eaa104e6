"""The best placement so far, balanced again while cool."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from shardplan.solve.search.move import Move, Turn, When
from shardplan.solve.search.repartition.rebalance import rebalance

if TYPE_CHECKING:
    from shardplan.solve.search.record import Record


@dataclass(frozen=True, slots=True)
class AroundBest(Move):
    """Repartition that begins with the best placement: nothing but balance is left to gain."""

    name: ClassVar[str] = "around_best"
    when: ClassVar[When] = When.AGAIN

    rounds: int = 3000
    """At most, and more in later passes; and at most ..."""
    restarts: int = 2
    """... this many times those of a restart that chooses options afresh."""

    def improve(self, record: Record, turn: Turn) -> None:
        """Search around the placement of the record, if there is one."""
        if record.placement is None:
            return
        most = round(self.rounds * max(1.0, turn.stretch))
        rounds = min(most, self.restarts * turn.repartition.rounds)
        allowed = record.worth_drawing() & turn.drawn_from
        rebalance(record, record.placement, allowed, turn.repartition.cooled(rounds), turn.restart)
