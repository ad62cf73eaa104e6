"""Everything that planning needs, made from a spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from shardplan.capacity import Capacity
from shardplan.cost.select import read_cost_model, select_cost_model
from shardplan.errors import InputError
from shardplan.plan.file.fingerprint import fingerprint
from shardplan.plan.file.provenance import Inputs, NamedInput
from shardplan.spec.build_workload import build_workload
from shardplan.spec.catalog.source import cost_model_source, topology_source
from shardplan.spec.constraints import build_constraints
from shardplan.spec.load import spec_from_value
from shardplan.spec.loaded import resolved
from shardplan.spec.validation.validation import collecting, sort_diagnostics, validate
from shardplan.topology.build_topology import build_topology
from shardplan.topology.schema import TopologyFile

if TYPE_CHECKING:
    from shardplan.cost.cost_model import CostModel
    from shardplan.cost.profile.profile_file import ProfileFile
    from shardplan.cost.torchrec.file import TorchRecFile
    from shardplan.options.constraint import Constraint
    from shardplan.spec.catalog.source import Source
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.objective import Objective
    from shardplan.spec.spec import ReserveSpec, Spec
    from shardplan.topology.topology import Topology
    from shardplan.workload.workload import Workload


@dataclass(frozen=True, slots=True)
class Case:
    """A workload, the machine it trains on, what things cost there, and what is demanded."""

    spec: Spec
    workload: Workload
    topology: Topology
    cost_model: CostModel
    constraints: tuple[Constraint, ...]
    capacity: Capacity
    resolved: dict[str, Any]
    """The spec as plain values, with every default, the topology and the cost model in it."""
    inputs: Inputs
    """Names and hashes of the spec, the topology and the cost model."""

    @property
    def objective(self) -> Objective:
        """What the plan shall minimise."""
        return self.spec.objective


def build_case(loaded: LoadedSpec) -> Case:
    """Look up the topology and the cost model that a spec names, and put all together.

    Raises InputError with all faults of the spec, the topology, the cost model and the constraints.
    """
    faults = list(loaded.faults)
    machine, priced = None, None
    constraints: tuple[Constraint, ...] = ()
    with collecting(faults):
        machine = _machine(loaded)
    with collecting(faults):
        priced = _priced(loaded, machine)
    with collecting(faults):
        constraints = build_constraints(loaded, machine.topology.world_size) if machine else ()
    if faults or machine is None or priced is None:
        raise InputError(sort_diagnostics(faults))
    topology = machine.topology
    workload = build_workload(loaded.spec, topology.world_size)
    selected = select_cost_model(priced.file, priced.source, workload, topology, loaded.base)
    plain = resolved(loaded, machine.source.value | {"nodes": topology.nodes}, selected.value)
    return Case(
        spec=loaded.spec,
        workload=workload,
        topology=topology,
        cost_model=selected.cost_model,
        constraints=constraints,
        capacity=_capacity(topology, selected.cost_model, loaded.spec.reserve),
        resolved=plain,
        inputs=inputs_of(plain),
    )


@dataclass(frozen=True, slots=True)
class _Machine:
    source: Source
    file: TopologyFile
    topology: Topology


@dataclass(frozen=True, slots=True)
class _Priced:
    source: Source
    file: ProfileFile | TorchRecFile


def _machine(loaded: LoadedSpec) -> _Machine | None:
    """The topology of a spec; None where the spec does not say which."""
    if "topology" in loaded.unread:
        return None
    source = topology_source(loaded)
    file = validate(TopologyFile, source.document, source.at)
    return _Machine(source, file, build_topology(file, source.nodes))


def _priced(loaded: LoadedSpec, machine: _Machine | None) -> _Priced | None:
    """The cost model's file; None where neither the spec nor the topology says which."""
    default = machine.file.cost_model if machine else ""
    if "cost_model" in loaded.unread or not (loaded.spec.cost_model or default):
        return None
    source = cost_model_source(loaded, default)
    return _Priced(source, read_cost_model(source))


def case_of_value(value: Any, name: str) -> Case:
    """The case of a resolved spec, such as a plan carries; ``name`` is what messages call it.

    Raises InputError.
    """
    return build_case(spec_from_value(value, name))


def _capacity(topology: Topology, cost_model: CostModel, reserve: ReserveSpec) -> Capacity:
    raw = [
        tier.capacity_bytes if tier else 0 for tier in (topology.hbm, topology.ddr, topology.ssd)
    ]
    amounts = (reserve.hbm, reserve.ddr, reserve.ssd)
    kept = [min(there, amount.of(there)) for there, amount in zip(raw, amounts, strict=True)]
    devices = np.array([1, topology.devices_per_node, topology.devices_per_node])
    return Capacity(
        raw_bytes=np.array(raw, dtype=np.float64),
        reserve_bytes=np.array(kept, dtype=np.float64),
        base_bytes=cost_model.base_memory_bytes * devices,
    )


def inputs_of(plain: dict[str, Any]) -> Inputs:
    """Hashes of what a resolved spec holds, so that a plan file can be checked by itself."""
    own = {k: v for k, v in plain.items() if k not in ("topology", "cost_model")}
    return Inputs(
        spec_sha256=fingerprint(own),
        topology=_named(plain["topology"]),
        cost_model=_named(plain["cost_model"]),
    )


def _named(value: dict[str, Any]) -> NamedInput:
    return NamedInput(name=str(value["name"]), sha256=fingerprint(value))
