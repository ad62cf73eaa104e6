"""Plans of changed cases, one solve each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible, NoPlanFound
from shardplan.planning.planner import make_plan
from shardplan.solve.deadline import ENDLESS
from shardplan.solve.reporter import Reporter

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.deadline import Deadline
    from shardplan.solve.settings import Settings


@dataclass(frozen=True, slots=True)
class Solving:
    """How each solve of a tuning goes."""

    settings: Settings
    deadline: Deadline = ENDLESS
    """Of all solves together."""

    def within(self, share: float) -> Solving:
        """The same in a share of the time that is left."""
        return replace(self, deadline=self.deadline.within(self.deadline.seconds_left * share))

    def best_plan(self, case: Case) -> Plan:
        """Raises Infeasible, NoPlanFound and Interrupted."""
        return make_plan(case, self.settings.until(self.deadline), Reporter())

    def plan_if_any(self, case: Case, method: str | None = None) -> Plan | None:
        """None where there is no plan, none was found or no time is left; raises Interrupted."""
        if self.deadline.is_over:
            return None
        settings = self.settings if method is None else replace(self.settings, method=method)
        try:
            return make_plan(case, settings.until(self.deadline), Reporter())
        except (Infeasible, NoPlanFound):
            return None
