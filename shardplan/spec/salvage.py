"""What of a faulty spec can still be checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from shardplan.sharding.kind import SHARDING_TYPES
from shardplan.spec.spec import Spec

if TYPE_CHECKING:
    from shardplan.spec.text.place import Path

_REQUIRED = {"batch": {"local": 1}, "topology": "unread"}
_NAMING = {"tables", "tables_file"}
"""The keys that decide which tables there are."""
_MOST_MENDED = 10_000
"""Faults after which nothing is looked at any further."""


def salvage(value: Any) -> tuple[Spec, frozenset[str]]:
    """A spec with harmless stand-ins for what is faulty, and the keys that are stood in for.

    Tables keep their names and constraints their tables. Where the name of any
    table is unknown there are no constraints, for nobody can say what they match.
    """
    try:
        return Spec.model_validate(value), frozenset()
    except ValidationError as error:
        if error.error_count() > _MOST_MENDED:
            keys = value.keys() if isinstance(value, dict) else ()
            return Spec.model_validate(_REQUIRED | {"tables": ()}), frozenset(map(str, keys))
        if not isinstance(value, dict):
            return Spec.model_validate(_REQUIRED | {"tables": ()}), frozenset(Spec.model_fields)
        locations = [details["loc"] for details in error.errors(include_url=False)]
    mended = dict(value)
    mended |= {key: list(each) for key, each in mended.items() if isinstance(each, list)}
    for location in locations:
        if location:
            _mend(mended, location)
    unread = frozenset(str(location[0]) for location in locations if location) - mended.keys()
    if unread & _NAMING or not mended.keys() & _NAMING:
        mended.pop("constraints", None)
    return Spec.model_validate(_REQUIRED | mended), unread


def _mend(mended: dict[str, Any], location: Path) -> None:
    """Put a stand-in where a fault is: of one table or constraint, or in place of a whole key."""
    match location, mended.get(str(location[0])):
        case (("tables", int(index), *inner), [*tables]) if _has_name(tables[index], inner):
            mended["tables"][index] = {"name": tables[index]["name"], "rows": 1}
        case (("constraints", int(index), *inner), [*constraints]):
            is_known = isinstance(constraints[index], dict) and inner[:1] != ["tables"]
            patterns = constraints[index].get("tables", "*") if is_known else "*"
            mended["constraints"][index] = {"tables": patterns, "sharding": [*SHARDING_TYPES]}
        case _:
            mended.pop(str(location[0]), None)


def _has_name(table: Any, inner: list[str | int]) -> bool:
    """Whether a table has a name, which is not what is wrong with it."""
    return isinstance(table, dict) and inner[:1] != ["name"] and "name" in table
