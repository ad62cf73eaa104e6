"""The plan: how every table is sharded and placed, what that costs, and how good it is."""

from typing import Any

from shardplan.plan.file.forecast import Forecast
from shardplan.plan.file.optimality import Optimality
from shardplan.plan.file.plan_model import Count, PlanModel, Positive
from shardplan.plan.file.provenance import Inputs, MovesInfo, RunInfo, SolverInfo
from shardplan.plan.file.table_entry import TableEntry
from shardplan.plan.file.table_facts import TableFacts
from shardplan.plan.file.training_facts import TrainingFacts
from shardplan.sharding.device_kind import DeviceKind
from shardplan.sharding.world import World

FORMAT_VERSION = "1.1"
"""Of the plan file: the major number changes when old readers would misread it.

1.1 states ``training`` and the ``access`` of each table."""


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
    training: TrainingFacts | None = None
    """The job that the plan was made for; from format 1.1 on."""
    resolved: dict[str, Any] | None = None
    """The spec with every default written and topology and cost model inline."""
    moves: MovesInfo | None = None
    """Only of a plan that was to stay near an old one."""
    run: RunInfo

    @property
    def world(self) -> World:
        """The devices that it was made for: GPUs, unless its topology says otherwise."""
        return World(self.world_size, self.local_world_size, _devices(self.resolved))

    @property
    def table_count(self) -> Count:
        """How many tables are planned."""
        return sum(len(tables) for tables in self.plan.values())


def _devices(resolved: dict[str, Any] | None) -> DeviceKind:
    """What the topology of a resolved spec, which may be anything, has for devices."""
    value: Any = resolved
    for key in ("topology", "device", "kind"):
        value = value.get(key) if isinstance(value, dict) else None
    return DeviceKind.CPU if value == DeviceKind.CPU else DeviceKind.GPU
