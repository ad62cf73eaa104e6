"""What differs between frozen parameters, as values of JSON, and parameters with that changed."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

_Params = TypeVar("_Params")


def param_changes(default: Any, params: Any) -> dict[str, Any]:
    """The fields of ``params`` that are not as in ``default``, of the same dataclass, by name."""
    changes: dict[str, Any] = {}
    for each in fields(default):
        before, after = getattr(default, each.name), getattr(params, each.name)
        if before != after:
            nested = is_dataclass(before)
            changes[each.name] = param_changes(before, after) if nested else _as_json(after)
    return changes


def with_param_changes(default: _Params, changes: Mapping[str, Any]) -> _Params:
    """The inverse of ``param_changes``; raises ValueError for a field that there is none of."""
    values = {}
    known = {each.name for each in fields(default)}  # type: ignore[arg-type]
    for name, value in changes.items():
        if name not in known:
            raise ValueError(f"{type(default).__name__} has no parameter {name}")
        before = getattr(default, name)
        nested = is_dataclass(before)
        values[name] = with_param_changes(before, value) if nested else _from_json(value)
    return replace(default, **values)  # type: ignore[type-var]


def _as_json(value: Any) -> Any:
    return [_as_json(each) for each in value] if isinstance(value, tuple) else value


def _from_json(value: Any) -> Any:
    return tuple(_from_json(each) for each in value) if isinstance(value, list) else value
