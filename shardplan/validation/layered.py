"""Plain values laid over others."""

from __future__ import annotations

from typing import Any


def layered(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """``below`` with what ``above`` says: mappings key by key, all else whole; null takes away."""
    found = {key: value for key, value in below.items() if above.get(key, value) is not None}
    for key, value in above.items():
        if isinstance(value, dict):
            under = below.get(key)
            found[key] = layered(under if isinstance(under, dict) else {}, value)
        elif value is not None:
            found[key] = value
    return found
