"""A plan's decisions under another training."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from shardplan.plan.finding import Finding
from shardplan.plan.planned import planned_tables
from shardplan.plan.predict import predict
from shardplan.plan.recover import decision_of

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan
    from shardplan.plan.predict import Prediction
    from shardplan.workload.training import Training


class Trainings(NamedTuple):
    """What the same decisions cost."""

    planned: Prediction
    otherwise: Prediction


def otherwise_trained(plan: Plan, case: Case, training: Training) -> Trainings | None:
    """As the case trains them, and by another training; None where a plan does not say all."""
    found = [decision_of(each, case.topology.world) for each in planned_tables(plan, case.workload)]
    decisions = [each for each in found if not isinstance(each, Finding)]
    if len(decisions) < len(case.workload.tables):
        return None
    workload = replace(case.workload, training=training)
    model = case.pricing.cost_model(workload, case.topology)
    other = replace(case, workload=workload, cost_model=model)
    return Trainings(predict(case, decisions), predict(other, decisions))
