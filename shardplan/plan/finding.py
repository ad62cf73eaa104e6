"""One thing that is wrong with a plan."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What ``verify`` found."""

    code: str
    """The family of the rule: ``coverage``, ``runtime``, ``memory``, ``stale``, ..."""
    where: str
    """The place in the plan file: ``plan.sparse.ebc.t_cat_20``."""
    message: str
    """What differs, with numbers."""

    def __str__(self) -> str:
        return f"{self.code}: {self.where}: {self.message}"
