"""JSON that people review: one thing per line, in a fixed order."""

from __future__ import annotations

import json
from typing import Any

from shardplan.printable import printable_json

_INDENT = "  "


def reviewable(value: dict[str, Any]) -> str:
    """JSON with a line for each element of a list and for each object of plain values.

    A line of ``git diff`` is then one shard, one rank or one table, and 10,000 tables stay small.
    Characters that would steer a terminal are written as escapes.
    """
    text: list[str] = []
    _write(value, "", text)
    return printable_json("".join(text)) + "\n"


def _write(value: Any, margin: str, text: list[str]) -> None:
    """Add the parts of a value's text."""
    if isinstance(value, dict) and value and not _is_flat(value.values()):
        inner = margin + _INDENT
        before = "{\n" + inner
        for key, item in value.items():
            text += (before, _compact(key), ": ")
            _write(item, inner, text)
            before = ",\n" + inner
        text.append(f"\n{margin}}}")
    elif isinstance(value, list) and value and not _is_flat(value):
        separator = f",\n{margin}{_INDENT}"
        text.append(f"[\n{margin}{_INDENT}")
        text.append(separator.join(map(_compact, value)))
        text.append(f"\n{margin}]")
    else:
        text.append(_compact(value))


def _is_flat(items: Any) -> bool:
    return not any(isinstance(item, (dict, list)) for item in items)


# Made once: ``json.dumps`` makes one for every value.
_compact = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode
