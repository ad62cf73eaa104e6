"""Plans of changed cases, one solve each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible, NoPlanFound
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.settings import Settings


@dataclass(frozen=True, slots=True)
class Solving:
    """How each solve of a tuning goes."""

    settings: Settings

    def best_plan(self, case: Case) -> Plan:
        """Raises Infeasible, NoPlanFound and Interrupted."""
        return make_plan(case, self.settings, Reporter())

    def plan_if_any(self, case: Case, method: str | None = None) -> Plan | None:
        """None where there is no plan, or none was found; raises Interrupted."""
        settings = self.settings if method is None else replace(self.settings, method=method)
        try:
            return make_plan(case, settings, Reporter())
        except (Infeasible, NoPlanFound):
            return None
