"""A funnel as it may be served."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.funnel.stage_way import StageWay


@dataclass(frozen=True, eq=False, slots=True)
class Funnel:
    """Stages in their order, each in one way, and what the user measured of their quality."""

    name: str
    stages: tuple[StageWay, ...]
    quality: float
    """Of the whole, in the user's unit, more being better: only of funnels that rank the same
    candidates it can be compared."""
