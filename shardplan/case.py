"""Everything that planning needs, made from a spec."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np

from shardplan.bulk import in_bulk
from shardplan.capacity import Capacity
from shardplan.cost.profile.dense_keys import without_dense
from shardplan.cost.select import read_cost_model, read_framework, select_pricing
from shardplan.cost.step import Step
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.batches.batch import check_batch
from shardplan.spec.build_workload import build_workload
from shardplan.spec.catalog.catalog import Kind, names
from shardplan.spec.catalog.source import cost_model_source, framework_source, topology_source
from shardplan.spec.constraints import build_constraints, numbered
from shardplan.spec.load import spec_from_value
from shardplan.spec.matching import TableNames
from shardplan.spec.training.replicas_spec import AUTO
from shardplan.spec.validation.validation import collecting, sort_diagnostics, validate
from shardplan.topology.machine import Machine
from shardplan.topology.schema import TopologyFile
from shardplan.workload.labels import labels, spoken

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from shardplan.cost.cost_model import CostModel
    from shardplan.cost.select import Pricing
    from shardplan.options.constraint import Constraint
    from shardplan.sharding.world import World
    from shardplan.spec.catalog.source import Source
    from shardplan.spec.demands.constraint_spec import ConstraintSpec
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.objective import Objective
    from shardplan.spec.spec import BatchSpec, ReserveSpec, Spec, TrainingSpec
    from shardplan.spec.tables.table_spec import TableSpec
    from shardplan.topology.topology import Topology
    from shardplan.workload.workload import Workload


class SpecChanges(TypedDict, total=False):
    """Parts of a spec that ``Case.with_`` may put in place of others."""

    name: str
    batch: BatchSpec
    training: TrainingSpec
    tables: tuple[TableSpec, ...]
    constraints: tuple[ConstraintSpec, ...]
    reserve: ReserveSpec
    objective: Objective


@dataclass(frozen=True, eq=False)
class Case:
    """A workload, the machine it trains on, what things cost there, and what is demanded."""

    spec: Spec
    machine: Machine
    pricing: Pricing
    workload: Workload
    cost_model: CostModel
    constraints: tuple[Constraint, ...]
    """Those of the spec, in its order, and behind them what else is demanded."""
    capacity: Capacity

    @property
    def topology(self) -> Topology:
        """Of the machine."""
        return self.machine.topology

    @property
    def samples(self) -> int:
        """Of one step, of all groups of devices."""
        return self.workload.global_batch * self.topology.groups

    @property
    def objective(self) -> Objective:
        """What the plan shall minimise."""
        return self.spec.objective

    @property
    def step(self) -> Step:
        """How the phases combine into the step's time."""
        is_pipelined = self.workload.training.is_pipelined
        return Step(self.cost_model.phases, self.cost_model.dense.seconds, is_pipelined)

    @cached_property
    def resolved(self) -> dict[str, Any]:
        """The spec as plain values, with every default, the topology, the cost model and the
        framework in it.

        Of the cost model without what only dense layers ask for, where there are none.
        """
        has_layers = self.workload.training.dense is not None
        priced = self.pricing.value if has_layers else without_dense(self.pricing.value)
        resolved = self.spec.resolved()
        if self.pricing.framework is not None:
            resolved["training"] |= {"framework": self.pricing.framework}
        return resolved | {"topology": self.machine.value, "cost_model": priced}

    def demanding(self, *more: Constraint) -> Case:
        """The same with further demands, of which its spec says nothing."""
        return replace(self, constraints=(*self.constraints, *more))

    def in_groups(self, groups: int) -> Case:
        """The same devices in so many groups that each hold all tables, where its spec leaves open
        how many; raises InputError where they, or ranks that constraints name, cannot be had."""
        training = self.spec.training
        if training.replicas is None or training.replicas.grouping is not None:
            return self
        replicas = training.replicas.model_copy(update={"groups": groups})
        return self.with_(training=training.model_copy(update={"replicas": replicas}))

    def with_(
        self,
        *,
        machine: Machine | None = None,
        pricing: Pricing | None = None,
        **changes: Unpack[SpecChanges],
    ) -> Case:
        """The case of a spec that differs in what is given; all that follows from it follows.

        What does not depend on a change is shared, and nothing is read or validated. Constraints
        speak of the tables that they spoke of, as far as they are there; one that is left none is
        dropped. Changes that contradict one another make a case that has no plan.

        Raises InputError for ranks and nodes that the machine does not have.
        """
        machine, pricing = machine or self.machine, pricing or self.pricing
        spec, constraints = self.spec.model_copy(update=dict(changes)), self.constraints
        if "constraints" in changes:
            constraints = self._matched(spec.constraints)
        if "tables" in changes:
            folded = tuple(table.without(spec.defaults) for table in spec.tables)
            spec, constraints = self._moved(spec.model_copy(update={"tables": folded}), constraints)
        machine = _grouped(machine, spec)
        _check_ranks(constraints, machine.topology.world)
        workload = self.workload
        pins = (each.output_dtype for each in (*spec.constraints, *self.spec.constraints))
        if machine is not self.machine or changes.keys() & _WORKLOAD_KEYS or any(pins):
            workload = _workload(spec, machine.topology)
        cost_model = self.cost_model
        if workload is not self.workload or pricing is not self.pricing:
            cost_model = pricing.cost_model(workload, machine.topology)
        capacity = _capacity(machine.topology, cost_model, spec.reserve)
        return Case(spec, machine, pricing, workload, cost_model, constraints, capacity)

    def _matched(self, written: Sequence[ConstraintSpec]) -> tuple[Constraint, ...]:
        """Other constraints in place of the spec's."""
        mine = self.spec.constraints
        known = {each.tables: of.tables for each, of in zip(mine, self.constraints, strict=False)}
        names = TableNames(self.spec.table_keys)
        meant = [
            known.get(each.tables)
            or tuple(sorted({index for text in each.tables for index in names.match(text)}))
            for each in written
        ]
        return numbered(written, meant) + self.constraints[len(mine) :]

    def _moved(
        self, spec: Spec, constraints: Sequence[Constraint]
    ) -> tuple[Spec, tuple[Constraint, ...]]:
        """A spec with other tables, and the constraints with the positions these have there."""
        keys = self.spec.table_keys
        positions = {key: index for index, key in enumerate(spec.table_keys)}
        if list(positions) == keys:
            return spec, tuple(constraints)
        called = labels(spec.table_keys)
        written, built = [], []
        for number, each in enumerate(constraints):
            left = [at for table in each.tables if (at := positions.get(keys[table])) is not None]
            if left:
                built.append(replace(each, tables=tuple(sorted(left))))
                if number < len(spec.constraints):
                    update = {"tables": tuple(called[table] for table in left)}
                    written.append(spec.constraints[number].model_copy(update=update))
        own = numbered(written, [each.tables for each in built[: len(written)]])
        changed = spec.model_copy(update={"constraints": tuple(written)})
        return changed, own + tuple(built[len(written) :])


_WORKLOAD_KEYS = frozenset({"name", "batch", "training", "tables"})
"""Of ``SpecChanges``, those that the workload is made of."""


def build_case(loaded: LoadedSpec) -> Case:
    """Look up the topology and the cost model that a spec names, and put all together.

    Raises InputError with all faults of the spec, the topology, the cost model and the constraints.
    """
    return _case(loaded, check_batch)


@in_bulk()
def _case(loaded: LoadedSpec, check: Callable[[LoadedSpec, int], Iterable[Diagnostic]]) -> Case:
    """``check`` looks at what a spec says beside the number of devices."""
    faults = list(loaded.faults)
    machine, framework, pricing = None, None, None
    constraints: tuple[Constraint, ...] = ()
    with collecting(faults):
        machine = _machine(loaded)
    with collecting(faults):
        framework = _framework(loaded, machine)
    with collecting(faults):
        pricing = _pricing(loaded, machine, framework)
    with collecting(faults):
        constraints = build_constraints(loaded, machine.topology.world) if machine else ()
    if machine is not None and "batch" not in loaded.unread:
        faults += check(loaded, machine.topology.whole.world_size)
    if pricing is not None:
        faults += _check_replicas(loaded, pricing)
        faults += _check_precision(loaded, pricing)
    if faults or machine is None or pricing is None:
        raise InputError(sort_diagnostics(faults))
    spec, topology = loaded.spec, machine.topology
    workload = _workload(spec, topology)
    cost_model = pricing.cost_model(workload, topology)
    capacity = _capacity(topology, cost_model, spec.reserve)
    return Case(spec, machine, pricing, workload, cost_model, constraints, capacity)


def _check_replicas(loaded: LoadedSpec, pricing: Pricing) -> Iterator[Diagnostic]:
    """Dynamic tables, of which groups of devices would keep rows of other ids; and a number of
    groups to be chosen by a cost model that does not know what it costs to keep them alike."""
    replicas = None if "training" in loaded.unread else loaded.spec.training.replicas
    if replicas is None or replicas.groups == 1:
        return
    if replicas.groups == AUTO and not pricing.counts_framework:
        message = f"cost model {pricing.value['name']} has no figures of what keeps groups alike"
        hint = "say how many, or take another cost model"
        path = ("training", "replicas", "groups")
        yield loaded.document.diagnostic(path, message, hint, "contradiction")
    called = labels(loaded.spec.table_keys)
    tables = zip(called, loaded.spec.tables, strict=True)
    if (dynamic := next((name for name, table in tables if table.dynamic), None)) is not None:
        message = f"table {dynamic} is dynamic: its replicas would hold rows of other ids"
        hint = "leave training.replicas out, or plan the table without dynamic"
        yield loaded.document.diagnostic(("training", "replicas"), message, hint, "contradiction")
    for name, module in (loaded.spec.modules or {}).items():
        id_map = module.collection.id_map
        if id_map is not None and not id_map.policy.is_hashed:
            message = (
                f"{spoken(name)} maps ids by {id_map.policy}, which each group does for itself: "
                "replicas would hold rows of other ids"
            )
            hint = "leave training.replicas out, or take a map that TorchRec merges: policy: hash"
            where = ("training", "replicas")
            yield loaded.document.diagnostic(where, message, hint, "contradiction")


def _check_precision(loaded: LoadedSpec, pricing: Pricing) -> Iterator[Diagnostic]:
    """Whether the cost model knows what dense layers multiply in, where there are any."""
    dense = loaded.spec.training.dense
    if "training" in loaded.unread or dense.dtype is None or pricing.precisions is None:
        return
    if dense.dtype not in pricing.precisions:
        name = pricing.value["name"]
        message = f"cost model {name} has no figures of products in {dense.dtype}"
        hint = "give forward_ms and backward_ms in place of layers, or add gemm to the cost model"
        if pricing.precisions:
            hint = f"it knows {', '.join(sorted(pricing.precisions))}"
        path = ("training", "dense", "layers")
        yield loaded.document.diagnostic(path, message, hint, "gemm")


def _machine(loaded: LoadedSpec) -> Machine | None:
    """The machine of a spec; None where the spec does not say which."""
    if "topology" in loaded.unread:
        return None
    source = topology_source(loaded)
    file = validate(TopologyFile, source.document, source.at)
    if source.nodes is not None and (problem := file.problem_with(source.nodes)):
        path, hint = ("topology", "nodes"), f"by itself {file.name} has {file.nodes}"
        raise InputError([loaded.document.diagnostic(path, problem, hint, "contradiction")])
    machine = Machine.of(file, source.value, source.nodes)
    replicas = None if "training" in loaded.unread else loaded.spec.training.replicas
    if replicas is None or replicas.grouping is None:
        return machine
    if problem := machine.problem_with(replicas.grouping):
        world = machine.topology.world
        hint = f"{machine.file.name} has {world.size:,} devices, {world.devices_per_node} to a node"
        at = ("training", "replicas", "groups")
        raise InputError([loaded.document.diagnostic(at, problem, hint, "contradiction")])
    return machine.grouped(replicas.grouping)


def _framework(loaded: LoadedSpec, machine: Machine | None) -> Source | None:
    """Where the framework's file is; None where the spec names none.

    Raises InputError with the faults of the file, and where its figures are of other devices than
    the machine has.
    """
    source = framework_source(loaded)
    if source is None:
        return None
    file = read_framework(source)
    there = machine.topology.world.devices if machine else file.devices
    if machine and file.devices is not there:
        message = (
            f"the figures of {file.name} are of a {file.devices}; "
            f"the devices of {machine.topology.name} are each a {there}"
        )
        hint = f"name a framework of such devices; there are {', '.join(names(Kind.FRAMEWORK))}"
        path = ("training", "framework")
        raise InputError([loaded.document.diagnostic(path, message, hint, "contradiction")])
    return source


def _pricing(
    loaded: LoadedSpec, machine: Machine | None, framework: Source | None
) -> Pricing | None:
    """The cost model's file; None where neither the spec nor the topology says which."""
    default = machine.file.cost_model if machine else ""
    if "cost_model" in loaded.unread or not (loaded.spec.cost_model or default):
        return None
    source = cost_model_source(loaded, default)
    return select_pricing(read_cost_model(source), source, loaded.base, framework)


def case_of_value(value: Any, name: str) -> Case:
    """The case of a resolved spec, such as a plan carries; ``name`` is what messages call it.

    A batch that devices cannot share evenly passes: older versions made plans of such. Raises
    InputError.
    """
    return _case(spec_from_value(value, name), lambda _loaded, _world_size: ())


def _check_ranks(constraints: Sequence[Constraint], world: World) -> None:
    for constraint in constraints:
        if fault := constraint.place_fault(world):
            raise InputError([Diagnostic("changed", 0, 0, constraint.label, fault)])


def _grouped(machine: Machine, spec: Spec) -> Machine:
    """The machine in the groups of a spec; raises InputError where it cannot be in such."""
    grouping = spec.training.replicas.grouping if spec.training.replicas else None
    return machine if grouping == machine.grouping else machine.grouped(grouping)


def _workload(spec: Spec, topology: Topology) -> Workload:
    """Of the devices of one group."""
    return build_workload(spec, topology.world_size, topology.groups)


def _capacity(topology: Topology, cost_model: CostModel, reserve: ReserveSpec) -> Capacity:
    raw = [
        tier.capacity_bytes if tier else 0 for tier in (topology.hbm, topology.ddr, topology.ssd)
    ]
    share = topology.devices_per_node / topology.whole.devices_per_node
    kept = [
        min(there, amount.of(there / of_node) * of_node)
        for there, amount, of_node in zip(
            raw, (reserve.hbm, reserve.ddr, reserve.ssd), (1, share, share), strict=True
        )
    ]
    devices = np.array([1, topology.devices_per_node, topology.devices_per_node])
    return Capacity(
        raw_bytes=np.array(raw, dtype=np.float64),
        reserve_bytes=np.array(kept, dtype=np.float64),
        base_bytes=cost_model.base_memory_bytes * devices,
    )
