"""JSON that people review: one thing per line, in a fixed order."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from shardplan.printable import printable_json

if TYPE_CHECKING:
    from collections.abc import Iterator

_INDENT = "  "


def reviewable(value: dict[str, Any]) -> str:
    """JSON with a line for each element of a list and for each object of plain values.

    A line of ``git diff`` is then one shard, one rank or one table, and 10,000 tables stay small.
    Characters that would steer a terminal are written as escapes.
    """
    return printable_json("".join(_lines(value, ""))) + "\n"


def _lines(value: Any, margin: str) -> Iterator[str]:
    if isinstance(value, dict) and value and not _is_flat(value.values()):
        yield "{\n"
        inner = margin + _INDENT
        for position, (key, item) in enumerate(value.items()):
            yield (",\n" if position else "") + f"{inner}{_compact(key)}: "
            yield from _lines(item, inner)
        yield f"\n{margin}}}"
    elif isinstance(value, list) and value and not _is_flat(value):
        separator = f",\n{margin}{_INDENT}"
        yield f"[\n{margin}{_INDENT}"
        yield separator.join(map(_compact, value))
        yield f"\n{margin}]"
    else:
        yield _compact(value)


def _is_flat(items: Any) -> bool:
    return not any(isinstance(item, dict | list) for item in items)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
