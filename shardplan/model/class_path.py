"""What class an object of other people's code is of, without importing it."""

from __future__ import annotations


def class_path(thing: object) -> str:
    """Module and name of its class."""
    return f"{type(thing).__module__}.{type(thing).__qualname__}"
