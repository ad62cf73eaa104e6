"""How a case is formulated while a deadline may come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shardplan.errors import Interrupted, NoPlanFound
from shardplan.planning.rehearsal import Rehearsal
from shardplan.solve.deadline import ENDLESS
from shardplan.solve.search.search_params import SharedParams

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.solve.deadline import Deadline


_GRACE_SECONDS = 1.0
"""Beyond a time limit, for writing: a command ends within two, and may read for one of them."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Until when, and how often that is asked."""

    deadline: Deadline = ENDLESS
    params: SharedParams = field(default_factory=SharedParams)

    def heed(self, tables: int) -> None:
        """Raise NoPlanFound where a case of so many is still formulated, or not even read, at the
        deadline; or Interrupted.

        A case of few tables goes on.
        """
        if tables <= self.params.few_tables or not self.deadline.is_over:
            return
        if self.deadline.is_called_off():
            raise Interrupted("interrupted before there was a plan")
        raise NoPlanFound(
            f"the time limit ended before the ways to shard {tables:,} tables were worked out; a "
            "longer --time-limit, or fewer sharding types and kernels in the constraints, would "
            "help"
        )

    def rehearsed(self, case: Case) -> Rehearsal:
        """How long a plan takes to be made; of few tables, next to nothing."""
        if len(case.workload.tables) <= self.params.few_tables:
            return Rehearsal()
        return Rehearsal.of(case, self.deadline.clock)

    def heed_writing(self, case: Case, seconds: float) -> None:
        """Raise NoPlanFound where a plan that takes so long to write would come much too late.

        One of a case of few tables never does.
        """
        tables = len(case.workload.tables)
        if tables <= self.params.few_tables or self.deadline.is_called_off():
            return
        if self.deadline.seconds_left + _GRACE_SECONDS < seconds:
            raise NoPlanFound(
                f"the time limit is too short for {tables:,} tables: it ended before a plan of so "
                "many could be written; a longer --time-limit would help"
            )
