"""The leaves in which two plain values differ, such as two resolved specs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    """The leaves that differ; tables are paired by name, not by position."""
    if then is now:
        return
    old, new = _named(then), _named(now)
    if old is None or new is None:
        if then != now:
            mark = "+" if then is _ABSENT else "-" if now is _ABSENT else "~"
            yield Change(mark, where, _words(then), _words(now))
        return
    for key in dict.fromkeys((*old, *new)):
        inner = f"{where}.{key}" if where else str(key)
        yield from changes(old.get(key, _ABSENT), new.get(key, _ABSENT), inner)


def leaves(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every leaf of plain values: where it is, and its value in words."""
    inner = _named(value)
    if inner is None:
        yield where, _words(value)
        return
    for key, each in inner.items():
        yield from leaves(each, f"{where}.{key}" if where else str(key))


def _named(value: Any) -> dict[Any, Any] | None:
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and all(isinstance(item, dict) and "name" in item for item in value):
        return {str(item["name"]): item for item in value}
    return None


def _words(value: Any) -> str:
    text = "absent" if value is _ABSENT else repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
