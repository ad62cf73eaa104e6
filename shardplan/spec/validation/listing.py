"""How many faults are named, and how the rest is counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shardplan.diagnostics import Diagnostic

MOST_NAMED = 100
"""Faults of one kind of check that are named one by one."""


def listed(diagnostics: Iterable[Diagnostic], rest: int = 0) -> list[Diagnostic]:
    """The first faults, and as the last entry how many more there are; ``rest`` are not given."""
    every = list(diagnostics)
    named = every[:MOST_NAMED]
    rest += sum(diagnostic.count for diagnostic in every[MOST_NAMED:])
    if rest and named:
        message = f"{rest:,} more of the kind"
        last = replace(named[-1], path="", message=message, hint="", source_line="", count=rest)
        named.append(last)
    return named
