"""A published step as the planner predicts it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shardplan.build_case import build_case
from shardplan.cost.part import Part
from shardplan.plan.carried import as_planned
from shardplan.planning.planner import make_plan
from shardplan.solve.reporter import Reporter
from shardplan.solve.settings import Settings
from shardplan.spec.load import spec_from_value

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

SETTINGS = Settings(
    method="milp",
    gap=0.02,
    time_limit_seconds=3600.0,  # Never struck: what is found must not depend on the clock.
    node_limit=20,
    effort=0.1,
)
"""Enough for gaps of a few percent: no published step is known better."""


@dataclass(frozen=True, slots=True)
class PredictedStep:
    """What a step is predicted to take under the plan found for it, and on what."""

    cost_model: str
    seconds: float
    gap: float
    """How far above the best plan's the step may be."""
    part_seconds: Mapping[Part, float]
    """What the step waits for, by part; they add up to ``seconds``."""

    @classmethod
    def of(cls, spec: dict[str, Any], name: str) -> PredictedStep:
        """Plan and predict; ``name`` is what messages call the spec.

        Raises InputError for a spec that is wrong, Infeasible for tables that do not fit.
        """
        case = build_case(spec_from_value(spec, name))
        plan = make_plan(case, SETTINGS, Reporter())
        return cls(
            cost_model=plan.inputs.cost_model.name,
            seconds=plan.prediction.step_seconds,
            gap=plan.optimality.gap or 0.0,
            part_seconds=_part_seconds(as_planned(plan, case), plan),
        )


def _part_seconds(case: Case, plan: Plan) -> dict[Part, float]:
    """Of the phases that the step waits for, and of the dense part."""
    ranks = np.array([list(rank.phases.values()) for rank in plan.prediction.ranks])
    found = dict.fromkeys(Part, 0.0)
    found[Part.DENSE] = plan.prediction.dense_seconds * case.step.dense_share(ranks)
    is_waited_for = case.step.waits_for(ranks)
    for position, phase in enumerate(case.cost_model.phases):
        if is_waited_for[position]:
            found[phase.part] += float(ranks[:, position].max())
    return found
