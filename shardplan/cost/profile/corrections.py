"""How far off the figures of a profile were on a job, ready to compute with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.sharding.kind import ShardingType


@dataclass(frozen=True, slots=True)
class Correction:
    """Of a phase, or of the tables of one sharding type in it; see ``CorrectionFile``."""

    phase: str
    sharding: ShardingType | None = None
    """None: of all that the phase does."""
    factor: float = 1.0
    per_step_seconds: float = 0.0
    per_table_seconds: float = 0.0
    per_group_seconds: float = 0.0

    @property
    def adds(self) -> bool:
        """Whether it says of more than a factor."""
        return bool(self.per_step_seconds or self.per_table_seconds or self.per_group_seconds)


@dataclass(frozen=True, slots=True)
class Corrections:
    """All of a file; none: the other figures hold as they are."""

    each: tuple[Correction, ...] = ()

    def of_phase(self, phase: str) -> tuple[Correction, ...]:
        """Those of a phase, by its name."""
        return tuple(one for one in self.each if one.phase == phase)

    def adds_to(self, phase: str) -> bool:
        """Whether any adds seconds to a phase."""
        return any(one.adds for one in self.of_phase(phase))

    def factor_of(self, phase: str) -> float:
        """By which all of a phase is multiplied."""
        product = 1.0
        for one in self.of_phase(phase):
            product *= one.factor if one.sharding is None else 1.0
        return product
