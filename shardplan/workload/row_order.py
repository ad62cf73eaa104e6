"""Which rows lie side by side in a table."""

from __future__ import annotations

from enum import StrEnum


class RowOrder(StrEnum):
    """How ids became numbers of rows: decides how evenly blocks of rows are read."""

    HASHED = "hashed"
    """Hot and cold rows lie mixed: equal blocks of rows are read alike."""
    BY_FREQUENCY = "by_frequency"
    """The hottest row first: the first block of rows is read most."""
