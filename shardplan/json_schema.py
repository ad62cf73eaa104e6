"""JSON Schemas of the files that people and programs write, made from the models that read them.

Draft 07, and of it what editors have understood for long: no ``prefixItems``, no titles, no
``null`` beside every optional key.
"""

from __future__ import annotations

import ast
import inspect
import sys
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pydantic.json_schema import GenerateJsonSchema

from shardplan.cost.framework.framework_file import FrameworkFile
from shardplan.cost.select import profile_file
from shardplan.cost.torchrec.file import TorchRecFile
from shardplan.plan.file.plan import Plan
from shardplan.size.answer.front import Front
from shardplan.spec.catalog.catalog import Kind, names
from shardplan.spec.spec import Spec
from shardplan.topology.schema import TopologyFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core.core_schema import ModelSchema

SUBJECTS = ("spec", "topology", "cost-model", "framework", "plan", "front")

_DRAFT = "http://json-schema.org/draft-07/schema#"
_REFERENCE = "#/definitions/{model}"
_UNDERSCORED = {"type": "string", "pattern": "^[0-9]+(_[0-9]+)+$"}
"""What editors take ``40_000_000`` for."""

_RENAMED = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
"""What pydantic leaves of limits on fields that have their own reader."""
_OF_LISTS = {"minLength": "minItems", "maxLength": "maxItems"}

Schema = dict[str, Any]


def json_schema(subject: str) -> Schema:
    """The schema of one of ``SUBJECTS``."""
    build = _BUILDERS[subject]
    definitions: Schema = {}
    root = build(definitions)
    return {
        "$schema": _DRAFT,
        "title": f"shardplan {subject}",
        **root,
        "definitions": dict(sorted(definitions.items())),
    }


def _spec(definitions: Schema) -> Schema:
    """The spec, in which a topology, a cost model and a framework may be written out."""
    root = _of(Spec, definitions, is_yaml=True)
    training = definitions["TrainingSpec"]
    for properties, key, kind, models in (
        (root["properties"], "topology", Kind.TOPOLOGY, (TopologyFile,)),
        (root["properties"], "cost_model", Kind.COST_MODEL, (profile_file(), TorchRecFile)),
        (training["properties"], "framework", Kind.FRAMEWORK, (FrameworkFile,)),
    ):
        for model in models:
            definitions[model.__name__] = _of(model, definitions, is_yaml=True)
        inline = [{"$ref": _REFERENCE.format(model=model.__name__)} for model in models]
        known = {"type": "string", "examples": names(kind)}
        forms = [known, _by_name(known, has_nodes=kind is Kind.TOPOLOGY), *inline]
        properties[key] = {"description": properties[key]["description"], "anyOf": forms}
    return root


def _by_name(name: Schema, *, has_nodes: bool) -> Schema:
    """A mapping that refers to something by name or path."""
    nodes = {"nodes": {"type": "integer", "minimum": 1}} if has_nodes else {}
    return {
        "type": "object",
        "properties": {"name": name, "path": {"type": "string"}, **nodes},
        "additionalProperties": False,
        "oneOf": [{"required": ["name"]}, {"required": ["path"]}],
    }


def _cost_model(definitions: Schema) -> Schema:
    roots = [_of(model, definitions, is_yaml=True) for model in (profile_file(), TorchRecFile)]
    return {"anyOf": roots}


_BUILDERS: dict[str, Callable[[Schema], Schema]] = {
    "spec": _spec,
    "topology": lambda definitions: _of(TopologyFile, definitions, is_yaml=True),
    "cost-model": _cost_model,
    "framework": lambda definitions: _of(FrameworkFile, definitions, is_yaml=True),
    "plan": lambda definitions: _of(Plan, definitions, is_yaml=False),
    "front": lambda definitions: _of(Front, definitions, is_yaml=False),
}


def _of(model: type[BaseModel], definitions: Schema, *, is_yaml: bool) -> Schema:
    """A model's own schema; those that it refers to go to ``definitions``."""
    raw = model.model_json_schema(ref_template=_REFERENCE, schema_generator=_Described)
    inner: Schema = raw.pop("$defs", {})
    short = dict(_short_names(list(inner), model.__name__, definitions))
    for name, definition in inner.items():
        definitions[short[name]] = _clean(definition, short, is_yaml)
    cleaned: Schema = _clean(raw, short, is_yaml)
    return cleaned


class _Described(GenerateJsonSchema):
    """Describes every key by the docstring below its field.

    pydantic's own way reads the source of every model when it is defined: a fifth of the time that
    a command takes to start.
    """

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        found = super().model_schema(schema)
        texts = _docstrings_of_fields(schema["cls"])
        properties = found.get("properties", {})
        for name, field in schema["cls"].model_fields.items():
            key = field.alias or name
            if name in texts and key in properties:
                properties[key].setdefault("description", texts[name])
        return found


def _docstrings_of_fields(model: type) -> dict[str, str]:
    """Of a model's own fields and of those it inherits."""
    found: dict[str, str] = {}
    for owner in reversed(model.__mro__):
        own = _docstrings_of_module(owner.__module__) if "__annotations__" in vars(owner) else {}
        for name in vars(owner).get("__annotations__", ()):
            found.pop(name, None)
        found |= own.get(owner.__name__, {})
    return found


@cache
def _docstrings_of_module(name: str) -> dict[str, dict[str, str]]:
    """Of the annotated attributes of a module's classes, by class and attribute."""
    tree = ast.parse(inspect.getsource(sys.modules[name]))
    classes = (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
    return {each.name: dict(_docstrings_of_attributes(each)) for each in classes}


def _docstrings_of_attributes(owner: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for statement, below in pairwise(owner.body):
        match statement, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, inspect.cleandoc(text)


def _short_names(long: list[str], owner: str, taken: Schema) -> Iterator[tuple[str, str]]:
    """Names of definitions without the types that pydantic spells out in them, each unique."""
    for position, name in enumerate(long):
        if "Annotated" in name or not name.isidentifier():
            yield name, f"{owner}Figure{position}"
        else:
            yield name, owner + name if name in taken else name


def _clean(value: Any, short: dict[str, str], is_yaml: bool) -> Any:
    """A part of a schema in the common subset."""
    if isinstance(value, list):
        return [_clean(item, short, is_yaml) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        return _reference(value, short)
    renamed = _RENAMED | (_OF_LISTS if value.get("type") == "array" else {})
    found: Schema = {
        renamed.get(key, str(key)): _names_kept(inner, short, is_yaml)
        if key == "properties"
        else _clean(inner, short, is_yaml)
        for key, inner in value.items()
        if key != "title" and not (key == "default" and not isinstance(inner, str | int | float))
    }
    if "description" in found:
        found["description"] = " ".join(found["description"].replace("``", "`").split())
    if items := found.pop("prefixItems", None):
        found["items"] = {"anyOf": items}
    if is_yaml and "anyOf" in found:
        found = _without_null(found)
    return _underscores_allowed(found) if is_yaml and found.get("type") == "integer" else found


def _underscores_allowed(whole: Schema) -> Schema:
    beside = ("description", "default")
    number = {key: inner for key, inner in whole.items() if key not in beside}
    return {key: whole[key] for key in beside if key in whole} | {"anyOf": [number, _UNDERSCORED]}


def _names_kept(properties: Schema, short: dict[str, str], is_yaml: bool) -> Schema:
    """The properties of an object; one of them may be called ``title``."""
    return {name: _clean(inner, short, is_yaml) for name, inner in properties.items()}


def _reference(value: Schema, short: dict[str, str]) -> Schema:
    """A reference; in draft 07 what stands beside one is ignored, so it goes inside ``allOf``."""
    name = value["$ref"].rpartition("/")[2]
    reference = {"$ref": _REFERENCE.format(model=short.get(name, name))}
    rest = _clean({k: v for k, v in value.items() if k != "$ref"}, short, is_yaml=False)
    return {**rest, "allOf": [reference]} if rest else reference


def _without_null(found: Schema) -> Schema:
    """An optional key may be left out; nobody writes ``null``."""
    forms = [form for form in found["anyOf"] if form != {"type": "null"}]
    rest = {key: inner for key, inner in found.items() if key != "anyOf"}
    if len(forms) > 1:
        return rest | {"anyOf": forms}
    (only,) = forms
    return rest | ({"allOf": [only]} if "$ref" in only else only)
