"""How a spec refers to a topology, a cost model or a framework: by name, by path, or inline."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import PlainValidator, WithJsonSchema

from shardplan.spec.fields.numeric import as_whole
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import did_you_mean, got, show

MOST_NODES = 100_000

Reference = str | dict[str, Any]
"""Text is a name or a path; a mapping refers with ``name`` or ``path``, or is written inline."""


def is_inline(reference: Reference, kind: str) -> bool:
    """Whether a reference holds the thing itself; ``kind`` is the key it stands under."""
    if isinstance(reference, str):
        return False
    if kind == "topology":
        return "devices_per_node" in reference
    return bool(reference.keys() - {"name", "path"})


def _read_topology(value: Any) -> Reference:
    if isinstance(value, dict) and not is_inline(value, "topology"):
        _check_keys(value, ["name", "path", "nodes"], "devices_per_node")
        nodes = as_whole(value.get("nodes", 1))
        if nodes is None or not 1 <= nodes <= MOST_NODES:
            message = f"must be a whole number from 1 to {MOST_NODES:,}"
            raise fault(message + got(value["nodes"]), "", "range", ("nodes",))
    return _check_reference(value, "topology")


def _read_cost_model(value: Any) -> Reference:
    return _check_reference(value, "cost_model")


def _read_framework(value: Any) -> Reference:
    return _check_reference(value, "framework")


def _check_reference(value: Any, kind: str) -> Reference:
    if isinstance(value, str) and value.strip():
        return value
    if not isinstance(value, dict):
        raise fault(f"must be a name, a path, or a mapping{got(value)}", "", "type")
    if not is_inline(value, kind):
        if ("name" in value) == ("path" in value):
            raise fault("must have exactly one of 'name' and 'path'")
        key = "name" if "name" in value else "path"
        if not isinstance(value[key], str) or not value[key].strip():
            raise fault(f"must be text{got(value[key])}", "", "type", (key,))
    return value


def _check_keys(value: dict[str, Any], known: list[str], inline: str) -> None:
    for key in value:
        if key not in known:
            hint = did_you_mean(key, [*known, inline])
            if not hint.startswith("did"):
                hint = f"an inline topology needs {inline!r}"
            raise fault(f"unknown key {show(key)}", hint, "unknown_key", (key,))


_SCHEMA = WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "object"}]})

TopologyReference = Annotated[Reference, PlainValidator(_read_topology), _SCHEMA]
"""The topology of a spec."""

CostModelReference = Annotated[Reference, PlainValidator(_read_cost_model), _SCHEMA]
"""The cost model of a spec."""

FrameworkReference = Annotated[Reference, PlainValidator(_read_framework), _SCHEMA]
"""The framework of a spec's training."""
