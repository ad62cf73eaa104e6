"""Whether a feature is of the user or of the item."""

from __future__ import annotations

from enum import StrEnum


class Side(StrEnum):
    """How often the ids of a feature are looked up."""

    USER = "user"
    """Once a query: all its candidates share them."""
    ITEM = "item"
    """Once a candidate."""
