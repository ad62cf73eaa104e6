"""A dense layer as written: ``{mlp: [13, 512, 128]}``, ``{cross: {width: 3456, layers: 3}}``."""

from __future__ import annotations

from dataclasses import MISSING, fields
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from pydantic import PlainSerializer, PlainValidator, WithJsonSchema

from shardplan.spec.fields.numeric import as_whole
from shardplan.spec.validation.fault import fault
from shardplan.spec.validation.wording import did_you_mean, got, show
from shardplan.workload.dense.layer import DenseLayer
from shardplan.workload.dense.layer_kinds import LAYER_KINDS

if TYPE_CHECKING:
    from collections.abc import Mapping

_LARGEST = 10**7
"""No width, number of features or of layers that anybody means is larger."""
_MOST_WIDTHS = 1000


def read_layer(value: Any) -> DenseLayer:
    """A layer from its written form, or from itself; raises pydantic's custom error."""
    if isinstance(value, DenseLayer):
        return value
    kinds = {kind.keyword: kind for kind in LAYER_KINDS}
    if not isinstance(value, dict) or len(value) != 1:
        hint = "for example {mlp: [13, 512, 128]}; it has one of " + ", ".join(kinds)
        raise fault("must be a mapping with the kind of the layer as its only key", hint)
    ((keyword, inner),) = value.items()
    if keyword not in kinds:
        hint = did_you_mean(str(keyword), kinds)
        raise fault(f"unknown kind of layer {show(keyword)}", hint, "unknown_key", (keyword,))
    kind = kinds[keyword]
    if kind.is_list:
        ((name, _),) = _types(kind).items()
        return kind(**{name: _widths(inner, (keyword,))})
    return kind(**_values(kind, inner, (keyword,)))


def write_layer(layer: DenseLayer) -> dict[str, Any]:
    """The written form, which reads back as the same layer."""
    values = {field.name: getattr(layer, field.name) for field in fields(layer)}
    plain = {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if value is not None
    }
    return {layer.keyword: next(iter(plain.values())) if layer.is_list else plain}


def _types(kind: type[DenseLayer]) -> Mapping[str, Any]:
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind)}


def _needed(kind: type[DenseLayer]) -> list[str]:
    return [field.name for field in fields(kind) if field.default is MISSING]


def _values(kind: type[DenseLayer], value: Any, at: tuple[str | int, ...]) -> dict[str, Any]:
    keys = ", ".join(_types(kind))
    if not isinstance(value, dict):
        raise fault(f"must be a mapping{got(value)}", f"its keys: {keys}", "type", at)
    types = _types(kind)
    for name in value:
        if name not in types:
            hint = did_you_mean(str(name), types)
            raise fault(f"unknown key {show(name)}", hint, "unknown_key", (*at, name))
    for name in _needed(kind):
        if name not in value:
            raise fault(f"needs {name}", f"its keys: {keys}", "missing", at)
    return {
        name: _count(part, (*at, name))
        if types[name] in (int, int | None)
        else _widths(part, (*at, name))
        for name, part in value.items()
    }


def _widths(value: Any, at: tuple[str | int, ...]) -> tuple[int, ...]:
    if not isinstance(value, list) or not 2 <= len(value) <= _MOST_WIDTHS:
        hint = "for example [13, 512, 128]: from 13 to 512, from 512 to 128"
        raise fault(f"must be a list of 2 or more widths{got(value)}", hint, "type", at)
    return tuple(_count(width, (*at, index)) for index, width in enumerate(value))


def _count(value: Any, at: tuple[str | int, ...]) -> int:
    count = as_whole(value)
    if count is None:
        raise fault(f"must be a whole number{got(value)}", "for example 512", "type", at)
    if not 1 <= count <= _LARGEST:
        raise fault(f"must be from 1 to {_LARGEST:,}{got(value)}", "", "range", at)
    return count


_COUNT = {"type": "integer", "minimum": 1, "maximum": _LARGEST}
_WIDTHS = {"type": "array", "items": _COUNT, "minItems": 2}


def _schema(kind: type[DenseLayer]) -> dict[str, Any]:
    parts = {
        name: _COUNT if hint in (int, int | None) else _WIDTHS
        for name, hint in _types(kind).items()
    }
    inner: dict[str, Any] = {
        "type": "object",
        "properties": parts,
        "required": _needed(kind),
        "additionalProperties": False,
    }
    if kind.is_list:
        (inner,) = parts.values()
    return {
        "type": "object",
        "description": (kind.__doc__ or "").partition("\n")[0],
        "properties": {kind.keyword: inner},
        "required": [kind.keyword],
        "additionalProperties": False,
    }


DenseLayerField = Annotated[
    DenseLayer,
    PlainValidator(read_layer),
    PlainSerializer(write_layer),
    WithJsonSchema({"anyOf": [_schema(kind) for kind in LAYER_KINDS]}),
]
"""A dense layer as a field of a model."""
