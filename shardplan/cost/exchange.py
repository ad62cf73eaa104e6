"""A collective of one phase, who takes part in it, and what holds it up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.topology.collective import Collective, Scope
    from shardplan.topology.level import LevelName


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a phase sends, and among which devices."""

    collective: Collective
    scope: Scope
    level: LevelName | None = None
    """The part of the network that it waits for; None where the rates of its links alone decide."""
