"""What is asked of ``shardplan profile``, and what profiled.py found."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADER = ("data", "what", "asked", "found")


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing that is asked of the command, and what was found."""

    part: str
    data: str
    what: str
    asked: str
    found: str


def read_figures(path: Path) -> list[Figure]:
    """What is kept; none where nothing was measured yet."""
    if not path.exists():
        return []
    return [Figure(**each) for each in json.loads(path.read_text(encoding="utf-8"))]


def as_lines(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    """The figures as text, in the order of ``HEADER``."""
    return [(each.data, each.what, each.asked, each.found) for each in figures]
