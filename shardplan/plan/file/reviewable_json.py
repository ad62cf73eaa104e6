"""JSON that people review: one thing per line, in a fixed order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shardplan.printable import printable_json

if TYPE_CHECKING:
    from collections.abc import Sequence

_INDENT = "  "
_NESTED = frozenset({dict, list})
_FEW = 4
"""Objects that are no quicker encoded at once."""
_BETWEEN = ",\0"
"""Between the elements of what is encoded at once: a character that JSON holds nowhere else."""
_END = "\1"
"""After each of many values, until they are taken apart."""
_JOINTS: dict[type, tuple[str, str]] = {
    dict: ("}" + _BETWEEN + "{", "}" + _END + "{"),
    list: ("]" + _BETWEEN + "[", "]" + _END + "["),
}
"""What stands between two objects, or two lists, and what is put in its place."""


def reviewable(value: dict[str, Any]) -> str:
    """JSON with a line for each element of a list and for each object of plain values.

    A line of ``git diff`` is then one shard, one rank or one table, and 10,000 tables stay small.
    Characters that would steer a terminal are written as escapes.
    """
    text: list[str] = []
    _write(value, "", text)
    return printable_json("".join(text)) + "\n"


def member(name: str, value: Any) -> str:
    """The text of one key and its value in what ``of_members`` writes."""
    text = [_INDENT, _compact(name), ": "]
    _write(value, _INDENT, text)
    return printable_json("".join(text))


def of_members(members: Sequence[str]) -> str:
    """What ``reviewable`` writes of an object, some of whose values are plain and some are not,
    from the texts of its members."""
    return "".join(["{\n", ",\n".join(members), "\n}\n"])


def _write(value: Any, margin: str, text: list[str]) -> None:
    """Add the parts of a value's text."""
    inner = margin + _INDENT
    if isinstance(value, dict) and value and not _is_flat(value.values()):
        rows = _rows(value, inner)
        before = "{\n" + inner
        for key, item in value.items():
            text += (before, _compact(key), ": ")
            if rows is None:
                _write(item, inner, text)
            else:
                text.append(rows[key])
            before = ",\n" + inner
        text.append(f"\n{margin}}}")
    elif isinstance(value, list) and value and not _is_flat(value):
        text.append(_lines(_each(value), margin))
    else:
        text.append(_compact(value))


def _rows(value: dict[str, Any], margin: str) -> dict[str, str] | None:
    """The texts of objects that hold the same keys, key by key; None where there are others.

    Many alike are encoded at once, which takes a fraction of the time.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for name, item in value.items():
        if not isinstance(item, dict) or not item or _is_flat(item.values()):
            return None
        groups.setdefault(tuple(item), []).append(name)
    if len(value) < _FEW * len(groups):
        return None
    found: dict[str, str] = {}
    inner = margin + _INDENT
    for keys, names in groups.items():
        columns = [_column([value[name][key] for name in names], inner) for key in keys]
        heads = [f"{inner}{_compact(key)}: " for key in keys]
        for name, *cells in zip(names, *columns, strict=True):
            body = ",\n".join(map(str.__add__, heads, cells))
            found[name] = f"{{\n{body}\n{margin}}}"
    return found


def _column(cells: list[Any], margin: str) -> list[str]:
    """The texts of the values of one key."""
    if all(isinstance(cell, list) and not _is_flat(cell) for cell in cells):
        elements = iter(_each([element for cell in cells for element in cell]))
        return [_lines([next(elements) for _ in cell], margin) for cell in cells]
    if any(isinstance(cell, dict | list) and not _is_flat(_inside(cell)) for cell in cells):
        parts: list[list[str]] = [[] for _ in cells]
        for cell, part in zip(cells, parts, strict=True):
            _write(cell, margin, part)
        return ["".join(part) for part in parts]
    return _each(cells)


def _lines(texts: Sequence[str], margin: str) -> str:
    """A list with a line for each of its elements."""
    separator = f",\n{margin}{_INDENT}"
    return f"[\n{margin}{_INDENT}{separator.join(texts)}\n{margin}]"


def _each(values: Sequence[Any]) -> list[str]:
    """The texts of many values, each on a line."""
    kinds = set(map(type, values))
    joint, ended = _JOINTS.get(next(iter(kinds)), (_BETWEEN, _END)) if kinds else ("", "")
    is_mixed = len(kinds) > 1 and not kinds.isdisjoint(_JOINTS)
    text = "" if is_mixed else _marked(values)[1:-1]
    # Where the same stands inside a value too, it cannot be told from what stands between two.
    if is_mixed or not kinds or text.count(joint) != len(values) - 1:
        return list(map(_compact, values))
    return text.replace(joint, ended).replace(_BETWEEN, ", ").split(_END)


def _inside(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


def _is_flat(items: Any) -> bool:
    return _NESTED.isdisjoint(map(type, items))


# Made once: ``json.dumps`` makes one for every value.
_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
_marked = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(_BETWEEN, ": ")).encode
