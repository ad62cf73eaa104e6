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


_GRACE_SECONDS = 2.0
"""Beyond a time limit, within which a command ends."""
_OPTIONS_A_TABLE = 40.0
"""Options of a table are formulated in the time in which its part of a plan is predicted, built and
written."""


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

    def writing_seconds(self, case: Case, formulating_seconds: float, options: int) -> float:
        """About how long it takes to predict, build and write a plan."""
        tables = len(case.workload.tables)
        return formulating_seconds * _OPTIONS_A_TABLE * tables / max(options, 1)

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
