"""The plan: how every table is sharded and placed, what that costs, and how good it is."""

from typing import Any

from shardplan.plan.file.forecast import Forecast
from shardplan.plan.file.optimality import Optimality
from shardplan.plan.file.plan_model import Count, PlanModel, Positive
from shardplan.plan.file.provenance import Inputs, MovesInfo, RunInfo, SolverInfo
from shardplan.plan.file.table_entry import TableEntry
from shardplan.sharding.world import World
from shardplan.workload.dtype import Dtype

FORMAT_VERSION = "1.0"
"""Of the plan file: the major number changes when old readers would misread it."""


class TableFacts(PlanModel):
    """A table as it was when the plan was made."""

    name: str
    module: str
    rows: Positive
    dim: Positive
    dtype: Dtype
    features: tuple[str, ...]
    pooling: float
    """Mean ids per sample, over all features."""


class Plan(PlanModel):
    """A plan file. The order of the fields is the order of the keys."""

    format_version: str
    name: str
    world_size: Positive
    local_world_size: Positive
    """Devices per node."""
    plan: dict[str, dict[str, TableEntry]]
    """Module, then table."""
    prediction: Forecast
    optimality: Optimality
    inputs: Inputs
    solver: SolverInfo
    tables: tuple[TableFacts, ...]
    resolved: dict[str, Any] | None = None
    """The spec with every default written and topology and cost model inline."""
    moves: MovesInfo | None = None
    """Only of a plan that was to stay near an old one."""
    run: RunInfo

    @property
    def world(self) -> World:
        """The devices that it was made for."""
        return World(self.world_size, self.local_world_size)

    @property
    def table_count(self) -> Count:
        """How many tables are planned."""
        return sum(len(tables) for tables in self.plan.values())
