"""A change that helps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_MOST_NAMES = 3
"""Tables that a remedy names."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """One change after which there is a plan; that was tried."""

    words: str
    change: float
    """How large it is: the share of tables, of the reserve or of nodes that is touched, weighed by
    how hard such things are to change."""


def some(names: Sequence[str]) -> str:
    """The first few of several names, and how many more."""
    shown, more = ", ".join(names[:_MOST_NAMES]), len(names) - _MOST_NAMES
    return f"{shown} and {more} more" if more > 0 else shown
