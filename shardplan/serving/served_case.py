"""A spec for serving with its machine and cost model, ready to be planned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.build_case import machine_and_pricing
from shardplan.cost.profile.dense_keys import without_dense
from shardplan.errors import InputError
from shardplan.serving.replica import Replica
from shardplan.spec.load import spec_from_value
from shardplan.spec.serving.build_serving import build_serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from shardplan.cost.profile.profile import Profile
    from shardplan.cost.select import Pricing
    from shardplan.diagnostics import Diagnostic
    from shardplan.sharding.device_kind import DeviceKind
    from shardplan.spec.loaded import LoadedSpec
    from shardplan.spec.spec import Spec
    from shardplan.topology.machine import Machine
    from shardplan.workload.serving.serving import Serving


@dataclass(frozen=True, eq=False)
class ServedCase:
    """How a model is served, what one replica is made of, and what things cost there."""

    spec: Spec
    machine: Machine
    pricing: Pricing
    profile: Profile
    serving: Serving
    replica: Replica

    @property
    def kind(self) -> DeviceKind:
        """Of the devices."""
        return self.machine.file.device.kind

    @property
    def resolved(self) -> dict[str, Any]:
        """The spec as plain values, with every default, the topology and the cost model in it."""
        both = {"topology": self.machine.value, "cost_model": without_dense(self.pricing.value)}
        return self.spec.resolved() | both

    @property
    def dense_memory_bytes(self) -> int:
        """Of the first device, for the layers outside the tables."""
        assert self.spec.serving is not None, "a case for serving"
        dense = self.spec.serving.dense.get(self.kind)
        return dense.memory if dense else 0


def build_served_case(loaded: LoadedSpec) -> ServedCase:
    """Look up the topology and the cost model that a spec for serving names.

    Raises InputError with all faults of the three.
    """
    machine, pricing = machine_and_pricing(loaded)
    faults = list(_faults(loaded, machine, pricing))
    if faults:
        raise InputError(faults)
    spec, profile = loaded.spec, pricing.profile
    assert spec.serving is not None, "the caller asks of a spec for serving"
    assert profile is not None, "else there is a fault"
    replica = Replica.of(machine, profile, spec.reserve, spec.serving.replicas.devices)
    return ServedCase(spec, machine, pricing, profile, build_serving(spec), replica)


def served_case_of_value(value: Any, name: str) -> ServedCase:
    """The case of a resolved spec, such as a plan carries; ``name`` is what messages call it.

    Raises InputError.
    """
    return build_served_case(spec_from_value(value, name))


def _faults(loaded: LoadedSpec, machine: Machine, pricing: Pricing) -> Iterator[Diagnostic]:
    document, serving = loaded.document, loaded.spec.serving
    if serving is None:
        hint = "say how the model is served"
        yield document.diagnostic(("serving",), "is missing", hint, "missing")
        return
    if pricing.profile is None:
        message = f"cost model {pricing.value['name']} predicts steps of training alone"
        yield document.diagnostic(("cost_model",), message, "take another", "contradiction")
    if machine.nodes > 1:
        message = "a replica lies within one node, and replicas are counted beside the topology"
        hint = "write nodes: 1, and how many there may be as serving.replicas.max"
        yield document.diagnostic(("topology", "nodes"), message, hint, "contradiction")
    asked, there = serving.replicas.devices, machine.topology.devices_per_node
    if asked is not None and asked > there:
        message = f"a node of {machine.file.name} has {there}"
        path = ("serving", "replicas", "devices")
        yield document.diagnostic(path, message, "a replica lies within one node", "range")
    elif asked is not None and there % asked:
        message = f"{there} devices of a node do not divide into replicas of {asked}"
        path = ("serving", "replicas", "devices")
        yield document.diagnostic(path, message, "take a number that divides them", "range")
    if serving.dense and machine.file.device.kind not in serving.dense:
        message = f"says nothing of {machine.file.device.kind}, which the devices are"
        hint = "give its seconds, or leave dense out"
        yield document.diagnostic(("serving", "dense"), message, hint, "contradiction")
