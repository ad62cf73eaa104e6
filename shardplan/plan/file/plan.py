"""The plan: how every table is sharded and placed, what that costs, and how good it is."""

from typing import Any

from shardplan.plan.file.forecast import Forecast
from shardplan.plan.file.optimality import Optimality
from shardplan.plan.file.plan_model import Count, PlanModel, Positive
from shardplan.plan.file.provenance import Inputs, MovesInfo, RunInfo, SolverInfo
from shardplan.plan.file.table_entry import TableEntry
from shardplan.plan.file.table_facts import ModuleFacts, TableFacts
from shardplan.plan.file.training_facts import ReplicaFacts, TrainingFacts
from shardplan.sharding.device_kind import DeviceKind
from shardplan.sharding.world import World
from shardplan.workload.collection import POOLED, Collection

FORMAT_VERSION = "1.3"
"""The latest of the plan file: the major number changes when old readers would misread it.

1.1 states ``training`` and the ``access`` of each table; 1.2 ``modules``, where any of them is no
plain bag, 1.3 ``replicas``, where several groups of devices hold all tables. A plan is written as
the oldest that says all of it."""
_BAGS_ALONE, _MODULES = "1.1", "1.2"


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
    modules: dict[str, ModuleFacts] | None = None
    """By path, those that are not plain bags; from format 1.2 on, and only where there are any."""
    training: TrainingFacts | None = None
    """The job that the plan was made for; from format 1.1 on."""
    replicas: ReplicaFacts | None = None
    """Only where several groups of devices each run the plan; from format 1.3 on."""
    resolved: dict[str, Any] | None = None
    """The spec with every default written and topology and cost model inline."""
    moves: MovesInfo | None = None
    """Only of a plan that was to stay near an old one."""
    run: RunInfo

    @property
    def world(self) -> World:
        """The devices that it was made for: GPUs, unless its topology says otherwise."""
        return World(self.world_size, self.local_world_size, _devices(self.resolved))

    def collection_of(self, module: str) -> Collection:
        """What kind of module it is."""
        facts = (self.modules or {}).get(module)
        return POOLED if facts is None else facts.collection

    @property
    def table_count(self) -> Count:
        """How many tables are planned."""
        return sum(len(tables) for tables in self.plan.values())


def format_of(modules: object, replicas: object) -> str:
    """The oldest format that says all of a plan with such parts."""
    if replicas:
        return FORMAT_VERSION
    return _MODULES if modules else _BAGS_ALONE


def _devices(resolved: dict[str, Any] | None) -> DeviceKind:
    """What the topology of a resolved spec, which may be anything, has for devices."""
    value: Any = resolved
    for key in ("topology", "device", "kind"):
        value = value.get(key) if isinstance(value, dict) else None
    return DeviceKind.CPU if value == DeviceKind.CPU else DeviceKind.GPU
