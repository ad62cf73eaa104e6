"""Everything that planning needs, made from a spec."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import numpy as np

from shardplan.capacity import Capacity
from shardplan.cost.profile.dense_keys import without_dense
from shardplan.cost.step import Step
from shardplan.diagnostics import Diagnostic
from shardplan.errors import InputError
from shardplan.spec.build_workload import build_workload
from shardplan.spec.constraints import numbered
from shardplan.spec.matching import TableNames
from shardplan.workload.labels import labels

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shardplan.cost.cost_model import CostModel
    from shardplan.cost.select import Pricing
    from shardplan.options.constraint import Constraint
    from shardplan.sharding.world import World
    from shardplan.spec.demands.constraint_spec import ConstraintSpec
    from shardplan.spec.modules import ModuleSpec
    from shardplan.spec.objective import Objective
    from shardplan.spec.spec import BatchSpec, ReserveSpec, Spec, TrainingSpec
    from shardplan.spec.tables.table_spec import TableSpec
    from shardplan.topology.machine import Machine
    from shardplan.topology.topology import Topology
    from shardplan.workload.wire.reduction import Reduction
    from shardplan.workload.wire.reduction_algorithm import ReductionAlgorithm
    from shardplan.workload.workload import Workload


class SpecChanges(TypedDict, total=False):
    """Parts of a spec that ``Case.with_`` may put in place of others."""

    name: str
    batch: BatchSpec
    training: TrainingSpec
    tables: tuple[TableSpec, ...]
    modules: dict[str, ModuleSpec]
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
        is_pipelined, dense = self.workload.training.is_pipelined, self.cost_model.dense
        return Step(self.cost_model.phases, dense.seconds, is_pipelined, dense.cover_shares)

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

    @classmethod
    def of(
        cls, spec: Spec, machine: Machine, pricing: Pricing, constraints: tuple[Constraint, ...]
    ) -> Case:
        """With what follows from these; the machine is in the groups that the spec speaks of."""
        topology = machine.topology
        workload = _workload(spec, topology)
        cost_model = pricing.cost_model(workload, topology)
        capacity = _capacity(topology, cost_model, spec.reserve)
        return cls(spec, machine, pricing, workload, cost_model, constraints, capacity)

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

    def summing_by(self, algorithm: ReductionAlgorithm) -> Case:
        """The same with gradients of data-parallel tables summed so, where that is open still.

        Its spec goes on leaving it open: a plan states which was taken.
        """
        reduction = self.workload.training.reduction
        settled = next((each for each in reduction.settled if each.algorithm is algorithm), None)
        if settled is None or settled == reduction:
            return self
        workload = _summed(self.workload, settled)
        cost_model = self.pricing.cost_model(workload, self.topology)
        capacity = _capacity(self.topology, cost_model, self.spec.reserve)
        return replace(self, workload=workload, cost_model=cost_model, capacity=capacity)

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
            if spec.training.all_reduce == self.spec.training.all_reduce:
                workload = _summed(workload, self.workload.training.reduction)
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


_WORKLOAD_KEYS = frozenset({"name", "batch", "training", "tables", "modules"})
"""Of ``SpecChanges``, those that the workload is made of."""


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


def _summed(workload: Workload, reduction: Reduction) -> Workload:
    """With gradients of data-parallel tables summed so."""
    return replace(workload, training=replace(workload.training, reduction=reduction))


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
