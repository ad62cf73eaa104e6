"""Plans of machines that are alike but for some figures, each begun with those of lesser ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shardplan.errors import Infeasible, Interrupted, NoPlanFound
from shardplan.planning.planner import make_plan
from shardplan.size.crew.start import decisions_of
from shardplan.size.vary.resource import Resource, resources_of
from shardplan.solve.reporter import Reporter

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.solve.settings import Settings
    from shardplan.topology.machine import Machine


@dataclass(eq=False, slots=True)
class KnownPlans:
    """The best plan that was found of each machine, all of one workload.

    A plan of a machine is one of every machine that has no less of anything, and no slower there.
    """

    _found: dict[tuple[float, ...], Plan] = field(default_factory=dict)
    """By what a machine has of each resource, all so that more is better."""

    def best(self, case: Case) -> Plan | None:
        """The quickest of the machine of a case, or of machines with no more of anything."""
        here = _amounts(case.machine)
        plans = (
            plan
            for there, plan in self._found.items()
            if all(less <= more for less, more in zip(there, here, strict=True))
        )
        return min(plans, key=lambda plan: plan.prediction.step_seconds, default=None)

    def solved(self, case: Case, settings: Settings) -> Plan | None:
        """A plan of the case, begun with the best that is known; None where none is found."""
        known = self.best(case)
        start = decisions_of(known, case) if known is not None else ()
        try:
            plan = make_plan(case, settings, Reporter(), start)
        except (Infeasible, Interrupted, NoPlanFound):
            return None
        here = _amounts(case.machine)
        before = self._found.get(here)
        if before is None or plan.prediction.step_seconds < before.prediction.step_seconds:
            self._found[here] = plan
        return plan


def _amounts(machine: Machine) -> tuple[float, ...]:
    resources = [Resource.named(machine, path) for path in resources_of(machine)]
    amounts = ((each, each.of(machine)) for each in resources)
    return tuple(value if each.is_better_higher else -value for each, value in amounts)
