"""From a spec to the case that it describes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from shardplan.bulk import in_bulk
from shardplan.case import Case
from shardplan.cost.select import read_cost_model, read_framework, select_pricing
from shardplan.errors import InputError
from shardplan.spec.batches.batch import check_batch
from shardplan.spec.catalog.catalog import Kind, names
from shardplan.spec.catalog.source import cost_model_source, framework_source, topology_source
from shardplan.spec.constraints import build_constraints
from shardplan.spec.load import spec_from_value
from shardplan.spec.training.replicas_spec import AUTO
from shardplan.spec.validation.validation import collecting, sort_diagnostics, validate
from shardplan.topology.machine import Machine
from shardplan.topology.schema import TopologyFile
from shardplan.workload.labels import labels, spoken
from shardplan.workload.wire.reduction import Reduction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from shardplan.cost.select import Pricing
    from shardplan.diagnostics import Diagnostic
    from shardplan.options.constraint import Constraint
    from shardplan.spec.catalog.source import Source
    from shardplan.spec.loaded import LoadedSpec


def build_case(loaded: LoadedSpec) -> Case:
    """Look up the topology and the cost model that a spec names, and put all together.

    Raises InputError with all faults of the spec, the topology, the cost model and the constraints.
    """
    return _case(loaded, check_batch)


def machine_and_pricing(loaded: LoadedSpec) -> tuple[Machine, Pricing]:
    """What a spec names that says nothing of training.

    Raises InputError with all faults of the spec, the topology and the cost model.
    """
    faults = list(loaded.faults)
    machine, pricing = None, None
    with collecting(faults):
        machine = _machine(loaded)
    with collecting(faults):
        pricing = _pricing(loaded, machine, None)
    if faults or machine is None or pricing is None:
        raise InputError(sort_diagnostics(faults))
    return machine, pricing


def _check_job(loaded: LoadedSpec) -> None:
    if loaded.spec.serving is not None and not loaded.faults:
        message = "is a model that is served, and here one is asked for that is trained"
        hint = "shardplan solve plans it; explain and verify read its plan"
        raise InputError([loaded.document.diagnostic(("serving",), message, hint, "contradiction")])


@in_bulk()
def _case(loaded: LoadedSpec, check: Callable[[LoadedSpec, int], Iterable[Diagnostic]]) -> Case:
    """``check`` looks at what a spec says beside the number of devices."""
    _check_job(loaded)
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
        faults += _check_reduction(loaded, pricing)
        faults += _check_precision(loaded, pricing)
    if faults or machine is None or pricing is None:
        raise InputError(sort_diagnostics(faults))
    # What is asked of `size` decides no plan, and no plan carries it.
    spec = loaded.spec.model_copy(update={"size": None})
    return Case.of(spec, machine, pricing, constraints)


def case_on_machine(loaded: LoadedSpec, number: int) -> Case:
    """The case on one of the machines of ``size``, in the number of nodes that its topology has.

    Samples may be shared unevenly by the devices there, which others of the machine's numbers share
    evenly. Raises InputError with all faults of the spec and of the machine.
    """
    return _case(loaded.on_machine(number), lambda _loaded, _world_size: ())


def case_of_value(value: Any, name: str) -> Case:
    """The case of a resolved spec, such as a plan carries; ``name`` is what messages call it.

    A batch that devices cannot share evenly passes: older versions made plans of such. Raises
    InputError.
    """
    return _case(spec_from_value(value, name), lambda _loaded, _world_size: ())


def _check_replicas(loaded: LoadedSpec, pricing: Pricing) -> Iterator[Diagnostic]:
    """Tables of which groups of devices would keep rows of other ids; and a number of
    groups to be chosen by a cost model that does not know what it costs to keep them alike."""
    replicas = None if "training" in loaded.unread else loaded.spec.training.replicas
    if replicas is None or replicas.groups == 1:
        return
    if replicas.groups == AUTO and not pricing.counts_replica_sync:
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
        if id_map is not None and (why := id_map.unmerged):
            message = f"{spoken(name)} {why}"
            hint = "leave training.replicas out, or take hash_evicting without runtime_meta_dim"
            where = ("training", "replicas")
            yield loaded.document.diagnostic(where, message, hint, "contradiction")


def _check_reduction(loaded: LoadedSpec, pricing: Pricing) -> Iterator[Diagnostic]:
    """Sums of gradients by a way that the cost model does not know."""
    asked = None if "training" in loaded.unread else loaded.spec.training.all_reduce
    if asked is None or asked.reduction == Reduction() or pricing.counts_framework:
        return
    message = f"cost model {pricing.value['name']} knows no other sums than flat and exact ones"
    hint = "leave training.all_reduce out, or take another cost model"
    path = ("training", "all_reduce")
    yield loaded.document.diagnostic(path, message, hint, "contradiction")


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
        path, hint = (*loaded.topology_at, "nodes"), f"by itself {file.name} has {file.nodes}"
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
