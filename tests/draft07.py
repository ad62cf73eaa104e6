"""A validator of the subset of JSON Schema, draft 07, that the project's schemas keep to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

KEYWORDS = {
    "$ref", "$schema", "additionalProperties", "allOf", "anyOf", "const", "default", "definitions",
    "description", "enum", "examples", "exclusiveMaximum", "exclusiveMinimum", "items", "maxItems",
    "maxLength", "maximum", "minItems", "minLength", "minimum", "multipleOf", "oneOf", "pattern",
    "properties", "propertyNames", "required", "title", "type",
}  # fmt: skip
_TYPES: dict[str, Any] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "number": (int, float),
    "null": type(None),
}  # fmt: skip


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any] | None = None) -> list[str]:
    """What is wrong with a value; empty where it is valid."""
    return list(_faults(value, schema, root or schema, ""))


def _faults(value: Any, schema: Any, root: dict[str, Any], at: str) -> Iterator[str]:
    if schema is True:
        return
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/definitions/")
        yield from _faults(value, root["definitions"][name], root, at)
        return
    unknown = set(schema) - KEYWORDS
    assert not unknown, f"not of the subset: {unknown}"
    if not _is_of(value, schema.get("type")):
        yield f"{at}: not of type {schema['type']}"
        return
    if "enum" in schema and value not in schema["enum"]:
        yield f"{at}: not among {schema['enum']}"
    if "const" in schema and value != schema["const"]:
        yield f"{at}: not {schema['const']}"
    yield from _forms(value, schema, root, at)
    if isinstance(value, dict):
        yield from _object(value, schema, root, at)
    elif isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", 10**9):
            yield f"{at}: {len(value)} elements"
        for index, item in enumerate(value):
            yield from _faults(item, schema.get("items", True), root, f"{at}[{index}]")
    elif isinstance(value, str):
        if len(value) < schema.get("minLength", 0) or len(value) > schema.get("maxLength", 10**9):
            yield f"{at}: {len(value)} characters"
        if "pattern" in schema and not re.search(schema["pattern"], value):
            yield f"{at}: does not match {schema['pattern']}"
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield from _number(value, schema, at)


def _is_of(value: Any, kind: str | None) -> bool:
    if kind is None:
        return True
    if kind == "integer":
        return isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0
    return isinstance(value, _TYPES[kind]) and (kind == "boolean") == isinstance(value, bool)


def _forms(value: Any, schema: Any, root: Any, at: str) -> Iterator[str]:
    for part in schema.get("allOf", []):
        yield from _faults(value, part, root, at)
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            found = [list(_faults(value, part, root, at)) for part in schema[keyword]]
            valid = sum(not part for part in found)
            if not valid or (keyword == "oneOf" and valid > 1):
                yield f"{at}: {valid} forms of {keyword} fit: {found}"


def _object(value: Any, schema: Any, root: Any, at: str) -> Iterator[str]:
    for key in schema.get("required", []):
        if key not in value:
            yield f"{at}: lacks {key}"
    for key, item in value.items():
        yield from _faults(key, schema.get("propertyNames", True), root, f"{at}.{key}")
        inner = schema.get("properties", {}).get(key, schema.get("additionalProperties", True))
        if inner is False:
            yield f"{at}: unknown key {key}"
        else:
            yield from _faults(item, inner, root, f"{at}.{key}")


def _number(value: float, schema: Any, at: str) -> Iterator[str]:
    least, most = schema.get("minimum", value), schema.get("maximum", value)
    above = schema.get("exclusiveMinimum", value - 1)
    if not least <= value <= most or value <= above:
        yield f"{at}: {value} is out of range"
    if "multipleOf" in schema and value % schema["multipleOf"]:
        yield f"{at}: {value} is no multiple"
