"""The plan of a model that is served."""

from typing import Any, Final, Literal

from shardplan.plan.file.optimality import Status, Termination
from shardplan.plan.file.plan_model import PlanModel, Seconds
from shardplan.plan.file.provenance import Inputs, RunInfo, SolverInfo
from shardplan.serving.file.placed_entry import PlacedEntry
from shardplan.serving.file.served_forecast import ReplicaForecast, ServedForecast

JOB: Final = "serving"
"""The value of ``job``, which plans for training lack."""
SERVED_FORMAT = "1.4"
"""Of the plan files that have a ``job``."""


class ServedOptimality(PlanModel):
    """How fast the typical batch is served, and how fast it can be at best."""

    objective_seconds: Seconds
    """Of the typical batch."""
    lower_bound_seconds: Seconds
    """No choice of formats, tiers and ways that are offered is faster."""
    gap: float | None
    """``(objective - bound) / bound``; null where the bound is 0 and the objective is not."""
    status: Status
    termination: Termination


class ServedPlan(PlanModel):
    """A plan file. The order of the fields is the order of the keys."""

    format_version: str
    job: Literal["serving"]
    name: str
    tables: tuple[PlacedEntry, ...]
    """In the order of the spec."""
    replicas: ReplicaForecast
    prediction: ServedForecast
    optimality: ServedOptimality
    inputs: Inputs
    solver: SolverInfo
    resolved: dict[str, Any]
    """The spec with every default written and topology and cost model inline."""
    run: RunInfo
