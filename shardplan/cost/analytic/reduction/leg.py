"""One collective of several that follow one another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.topology.collective import Collective, Scope


@dataclass(frozen=True, slots=True)
class Leg:
    """What is exchanged in it, and among which devices."""

    collective: Collective
    scope: Scope
    share: float
    """Bytes of its buffer, for each byte of what is summed."""
