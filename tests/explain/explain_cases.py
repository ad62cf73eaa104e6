"""A fixed plan with every sharding type, on costs that no preset can change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from shardplan.build_case import build_case, case_of_value
from shardplan.plan.build_plan import build_plan
from shardplan.plan.decision import Decision
from shardplan.plan.file.optimality import Optimality, Status, Termination
from shardplan.plan.file.provenance import RunInfo, SolverInfo
from shardplan.plan.predict import predict
from shardplan.sharding.kernel import Kernel
from shardplan.sharding.kind import ShardingType
from shardplan.spec.load import load_spec

if TYPE_CHECKING:
    from shardplan.case import Case
    from shardplan.plan.file.plan import Plan

DATA = Path(__file__).parents[1] / "data" / "explain"

DECISIONS = (
    Decision(0, ShardingType.ROW_WISE, Kernel.FUSED),
    Decision(1, ShardingType.COLUMN_WISE, Kernel.FUSED, 4, (0, 1, 1, 2)),
    Decision(2, ShardingType.TABLE_WISE, Kernel.FUSED, 1, (3,)),
    Decision(3, ShardingType.TABLE_ROW_WISE, Kernel.FUSED, 1, (1,)),
    Decision(4, ShardingType.TABLE_WISE, Kernel.FUSED_UVM, 1, (0,)),
    Decision(5, ShardingType.GRID_SHARD, Kernel.FUSED, 2, (0, 1)),
    Decision(6, ShardingType.DATA_PARALLEL, Kernel.DENSE),
    Decision(7, ShardingType.TABLE_COLUMN_WISE, Kernel.FUSED, 2, (0,)),
)


def small_case() -> Case:
    """Four devices on two nodes."""
    return build_case(load_spec(str(DATA / "spec.yaml")))


def case_with_links(scale_up: str, cost_model: str = "", pipeline: str = "sparse_dist") -> Case:
    """The same with another rate inside the nodes, cost model or pipeline."""
    spec = yaml.safe_load((DATA / "spec.yaml").read_text(encoding="utf-8"))
    spec["topology"]["scale_up"]["bandwidth"] = scale_up
    spec["training"]["pipeline"] = pipeline
    spec["cost_model"] = cost_model or spec["cost_model"]
    return case_of_value(spec, "spec.yaml")


def plan_of(case: Case, decisions: tuple[Decision, ...] = DECISIONS) -> Plan:
    """The plan of these decisions, with a bound a tenth below."""
    prediction = predict(case, decisions)
    return build_plan(
        case,
        decisions,
        prediction,
        Optimality.of(
            case.objective,
            prediction.step_seconds,
            prediction.step_seconds / 1.1,
            bound="relaxation",
            status=Status.FEASIBLE,
            termination=Termination.TIME_LIMIT,
        ),
        SolverInfo(method="by hand", seed=0, shardplan_version="0"),
        RunInfo(generated_at="2026-01-01T00:00:00Z", elapsed_seconds=0.5),
    )
