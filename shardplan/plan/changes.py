"""The leaves in which two plain values differ, such as two resolved specs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shardplan.workload.labels import qualified

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABSENT = object()
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Change:
    """One leaf that differs; both values in words."""

    mark: str
    """``+`` for a key that is new, ``-`` for one that is gone, ``~`` for another value."""
    where: str
    """``tables.t_1.rows``: elements of lists by their names, where all have one."""
    was: str
    now: str


def changes(then: Any, now: Any, where: str = "") -> Iterator[Change]:
    """The leaves that differ; tables are paired by module and name, not by position."""
    if then is now:
        return
    both = _mappings(then, now)
    if both is None:
        if then != now:
            mark = "+" if then is _ABSENT else "-" if now is _ABSENT else "~"
            yield Change(mark, where, _words(then), _words(now))
        return
    old, new = both
    for key in dict.fromkeys((*old, *new)):
        inner = f"{where}.{key}" if where else str(key)
        yield from changes(old.get(key, _ABSENT), new.get(key, _ABSENT), inner)


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf of plain values: where it is, and its value in words."""
    inner = _mappings(value)
    if inner is None:
        yield where, _words(value)
        return
    for key, each in inner[0].items():
        yield from leaves(each, f"{where}.{key}" if where else str(key))


def _mappings(*values: Any) -> list[dict[Any, Any]] | None:
    """The same as mappings, where all are; elements of lists by their names, where all have one.

    By modules too where names alone are not enough, as of tables.
    """
    if all(isinstance(value, dict) for value in values):
        return list(values)
    if not all(isinstance(value, list) and all(map(_has_name, value)) for value in values):
        return None
    key = _name if all(len(set(map(_name, v))) == len(v) for v in values) else _module_and_name
    return [{key(item): item for item in value} for value in values]


def _has_name(item: Any) -> bool:
    return isinstance(item, dict) and "name" in item


def _name(item: dict[str, Any]) -> str:
    return str(item["name"])


def _module_and_name(item: dict[str, Any]) -> str:
    return qualified(item.get("module", ""), str(item["name"]))


def _words(value: Any) -> str:
    text = "absent" if value is _ABSENT else repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
