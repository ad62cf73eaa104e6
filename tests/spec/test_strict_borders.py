"""Keys of all files: none takes for a number what is none, or stumbles over a value of any kind."""

from __future__ import annotations

import importlib
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

import shardplan
from shardplan.spec.fields.border import Border

_LOOK_ALIKES = ("7", "1", "0.5", "true", "yes", True)


@cache
def _models() -> list[type[Border]]:
    """All that people write, wherever in the package a module speaks of a border."""
    package = Path(shardplan.__file__).parent
    for path in sorted(package.rglob("*.py")):
        if "Border" in path.read_text(encoding="utf-8"):
            parts = path.relative_to(package.parent).with_suffix("").parts
            importlib.import_module(".".join(parts))
    found: list[type[Border]] = [Border]
    for model in found:
        found += [each for each in model.__subclasses__() if each not in found]
    return found


@cache
def _key(model: type[Border], name: str) -> TypeAdapter[Any]:
    field = model.model_fields[name]
    hint = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
    return TypeAdapter(hint)


def _taken(model: type[Border], name: str) -> list[Any]:
    key, taken = _key(model, name), []
    for value in _LOOK_ALIKES:
        try:
            read = key.validate_python(value)
        except ValidationError:
            continue
        if isinstance(read, int | float) and type(read) is not type(value):
            taken.append(value)
    return taken


def test_look_alikes_are_refused_by_every_key() -> None:
    loose = {
        f"{model.__name__}.{name}": taken
        for model in _models()
        for name in model.model_fields
        if (taken := _taken(model, name))
    }
    assert loose == {}
    assert "TableSpec.weighted" in {f"{m.__name__}.{n}" for m in _models() for n in m.model_fields}


@pytest.mark.parametrize("value", [None, {}, [], {"a": [1]}, [[{}]], "x", -1, 10**400, 1e308])
def test_no_key_stumbles_over_a_value(value: Any) -> None:
    """Whatever stands there, it is taken or it is a fault."""
    for model in _models():
        with suppress(ValidationError):
            model.model_validate(value)
        for name in model.model_fields:
            with suppress(ValidationError):
                _key(model, name).validate_python(value)
