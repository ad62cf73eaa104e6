"""A small model under a plan, to be trained for a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.plan.build_plan import build_plan
from shardplan.plan.file.optimality import Optimality, Status, Termination
from shardplan.plan.file.provenance import RunInfo, SolverInfo
from shardplan.plan.predict import predict

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.decision import Decision
    from shardplan.plan.file.plan import Plan


@dataclass(frozen=True, eq=False, slots=True)
class StepPlan:
    """One decision for each table of the case."""

    name: str
    case: Case
    decisions: tuple[Decision, ...]

    def plan(self) -> Plan:
        """What an engine trains by; its prediction rests on no figures of this machine."""
        prediction = predict(self.case, self.decisions)
        optimality = Optimality.of(
            self.case.objective, prediction.step_seconds, 0.0,
            bound="none", status=Status.FEASIBLE, termination=Termination.FINISHED,
        )  # fmt: skip
        solver = SolverInfo(method="drawn", seed=0, shardplan_version="0")
        run = RunInfo(generated_at="1970-01-01T00:00:00Z", elapsed_seconds=0.0)
        return build_plan(self.case, self.decisions, prediction, optimality, solver, run)
