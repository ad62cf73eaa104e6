"""A placement for every set of groups that may be worth its charges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from shardplan.solve.search.groups.hopeful import hopeful
from shardplan.solve.search.move import Move, Turn, When
from shardplan.solve.search.repartition.rebalance import rebalance
from shardplan.solve.search.starts.fill_greedily import FillParams, fill_greedily
from shardplan.solve.search.starts.first_placements import round_options

if TYPE_CHECKING:
    from shardplan.solve.problem.problem import Problem
    from shardplan.solve.search.record import Record


@dataclass(frozen=True, slots=True)
class GroupStarts(Move):
    """Greedy placements of the relaxed optima of all branches but the first, balanced a little.

    The first branch is where all other moves begin.
    """

    name: ClassVar[str] = "group_starts"
    when: ClassVar[When] = When.START

    most_branches: int = 5
    """Whose placements are tried, the most promising first."""
    fineness: float = 0.8
    """As in ``FirstPlacements``: the largest unit allowed, ..."""
    share_of_memory: float = 0.8
    """... and how much of a device it may fill."""
    fill: FillParams = field(default_factory=FillParams)
    rounds: int = 150
    """Of repartition after a fill."""

    def supports(self, problem: Problem) -> bool:
        """Where groups are charged for."""
        return problem.objective.charges is not None

    def improve(self, record: Record, turn: Turn) -> None:
        """Round, fill, offer and balance: one branch after the other."""
        params = turn.repartition.cooled(min(self.rounds, turn.repartition.rounds))
        for number, branch in enumerate(hopeful(record)[1 : self.most_branches + 1]):
            if record.should_stop():
                return
            record.reporter.starting("groups")
            chosen = round_options(
                record.problem,
                branch.relaxation,
                self.fineness,
                self.share_of_memory,
                branch.allowed(record.problem),
            )
            start = fill_greedily(record, chosen, self.fill)
            record.offer(start, "groups")
            rebalance(record, start, chosen, params, number)
