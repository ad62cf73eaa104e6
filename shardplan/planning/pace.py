"""How a case is formulated while a deadline may come."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shardplan.errors import Interrupted, NoPlanFound
from shardplan.solve.deadline import ENDLESS
from shardplan.solve.search.search_params import SharedParams

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.solve.deadline import Deadline


@dataclass(frozen=True, slots=True)
class Pace:
    """Until when, and how often that is asked."""

    deadline: Deadline = ENDLESS
    params: SharedParams = field(default_factory=SharedParams)

    def heed(self, case: Case) -> None:
        """Raise NoPlanFound where a case is still formulated at the deadline; or Interrupted.

        A case of few tables goes on.
        """
        tables = len(case.workload.tables)
        if tables <= self.params.few_tables or not self.deadline.is_over:
            return
        if self.deadline.is_called_off():
            raise Interrupted("interrupted before there was a plan")
        raise NoPlanFound(
            f"the time limit ended before the ways to shard {tables:,} tables were worked out; a "
            "longer --time-limit, or fewer sharding types and kernels in the constraints, would "
            "help"
        )
