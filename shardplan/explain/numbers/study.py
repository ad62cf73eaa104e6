"""A plan, the case that it carries, and its decisions with their costs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.plan.carried import carried_case
from shardplan.plan.file.table_entry import parse_placement
from shardplan.plan.finding import Finding
from shardplan.plan.ledger import Ledger
from shardplan.plan.planned import planned_tables
from shardplan.plan.recover import decision_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.planned import Planned

_HINT = "shardplan verify lists all that is wrong with a plan"


@dataclass(frozen=True)
class Study:
    """Everything that an explanation is computed from: T tables, P phases, W devices."""

    plan: Plan
    case: Case
    planned: tuple[Planned, ...]
    ledger: Ledger

    @classmethod
    def of(cls, plan: Plan, file: str, case: Case | None = None) -> Study:
        """Recover what a plan was made from; ``file`` is what messages call it.

        Raises InputError where the plan holds no spec, or is not one that could run.
        """
        if case is None:
            case = carried_case(plan, file)
        forecast = plan.prediction.completed(case.cost_model.phases)
        plan = plan.model_copy(update={"prediction": forecast})
        planned = planned_tables(plan, case.workload)
        found = [decision_of(table, case.topology.world) for table in planned]
        faults = [*_faults(plan, case), *(one for one in found if isinstance(one, Finding))]
        if faults:
            raise InputError([Diagnostic(file, 0, 0, f.where, f.message, _HINT) for f in faults])
        decisions: list[Decision] = [one for one in found if not isinstance(one, Finding)]
        return cls(plan, case, planned, Ledger.of(decisions, case.cost_model, case.topology.world))

    @cached_property
    def rank_seconds(self) -> NDArray[np.float64]:
        """(W, P): what each device spends in each phase, as the plan has it."""
        return np.array([list(rank.phases.values()) for rank in self.plan.prediction.ranks])

    @cached_property
    def is_counted(self) -> NDArray[np.bool_]:
        """(P,): the phases that the step waits for."""
        return self.case.step.waits_for(self.rank_seconds)

    @cached_property
    def is_dense_hidden(self) -> bool:
        """Whether what overlaps takes longer than all the rest, which then hides behind it."""
        return self.case.step.is_dense_hidden(self.rank_seconds)


def _faults(plan: Plan, case: Case) -> Iterator[Finding]:
    """What would make the numbers below meaningless."""
    if len(planned_tables(plan, case.workload)) < len(case.workload.tables):
        yield Finding("tables", "plan", "does not hold every table of its spec")
    for table in planned_tables(plan, case.workload):
        ranks = {parse_placement(shard.placement)[0] for shard in table.entry.shards}
        if not ranks <= set(range(case.topology.world_size)):
            message = f"has shards on devices that are not ranks 0..{case.topology.world_size - 1}"
            yield Finding("ranks", table.where, message)
    if [rank.rank for rank in plan.prediction.ranks] != list(range(case.topology.world_size)):
        yield Finding("prediction", "prediction.ranks", "are not those of the topology, in order")
    names = [phase.name for phase in case.cost_model.phases]
    if any(list(rank.phases) != names for rank in plan.prediction.ranks):
        yield Finding("prediction", "prediction.ranks", "do not have the cost model's phases")
