"""What the step of a case takes at least."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from shardplan.cost.part import Part
from shardplan.cost.phases import DENSE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from shardplan.case import Case
    from shardplan.errors import Shortfall


class Proof(StrEnum):
    """What proves a bound."""

    MEANS = "means"
    """The slowest device bears at least the mean of all, and all tables fit all memories."""
    RELAXATION = "relaxation"
    """The linear program over options, its groups of options paid for whole."""
    CONSTANTS = "constants"
    """What no placement changes; options were left out, so that nothing is known of the rest."""
    MEMORY = "memory"
    """There is no plan: the tables do not fit."""


@dataclass(frozen=True, slots=True)
class StepBound:
    """No plan of a case has a shorter step."""

    seconds: float
    """Infinite where there is no plan."""
    phases: Mapping[str, float]
    """Seconds of the phases that the step waits for, as the bound takes them; they add up to it."""
    parts: Mapping[Part, float]
    """The same by part of the step."""
    least_parts: Mapping[Part, float]
    """What each part takes at least by itself, whatever the others take: of these, one alone may
    rule a step out."""
    proof: Proof
    shortfalls: tuple[Shortfall, ...] = ()
    """What is short where there is no plan."""

    @classmethod
    def no_plan(cls, shortfalls: tuple[Shortfall, ...] = ()) -> StepBound:
        """The tables do not fit."""
        return cls(float("inf"), {}, {}, {}, Proof.MEMORY, shortfalls)

    @classmethod
    def of(
        cls,
        case: Case,
        fixed: Mapping[str, float],
        added: Mapping[str, float],
        least: Mapping[str, float],
        proof: Proof,
        seconds: float,
    ) -> StepBound:
        """Of phases that take ``fixed`` seconds whatever the placement; what options ``added``, and
        add at the ``least``, each phase for itself. Together they take ``seconds``, but for what a
        proof knows beside single phases: that is shared out among what is added."""
        part_of = {phase.name: phase.part for phase in case.cost_model.phases}
        part_of[DENSE.name] = Part.DENSE
        more, rest = sum(added.values()), seconds - sum(fixed.values())
        scale = rest / more if more > 0 else 1.0
        phases = _sum(fixed, {name: scale * value for name, value in added.items()})
        alone = _by_part(_sum(fixed, least), part_of)
        return cls(seconds, phases, _by_part(phases, part_of), alone, proof)

    def excludes(self, target_seconds: float) -> bool:
        """Whether no plan's step is as short as a target."""
        return self.seconds > target_seconds

    def excluding_parts(self, target_seconds: float) -> tuple[Part, ...]:
        """The parts of the step that alone take longer than a target, the longest first; none where
        it takes several of them together."""
        longer = [part for part, least in self.least_parts.items() if least > target_seconds]
        return tuple(sorted(longer, key=lambda part: -self.least_parts[part]))


def _by_part(phases: Mapping[str, float], part_of: Mapping[str, Part]) -> dict[Part, float]:
    found = dict.fromkeys(Part, 0.0)
    for name, seconds in phases.items():
        found[part_of[name]] += seconds
    return {part: seconds for part, seconds in found.items() if seconds > 0}


def _sum(one: Mapping[str, float], other: Mapping[str, float]) -> dict[str, float]:
    """By phase; what takes no time is left out."""
    names = dict.fromkeys((*one, *other))
    found = {name: one.get(name, 0.0) + other.get(name, 0.0) for name in names}
    return {name: seconds for name, seconds in found.items() if seconds > 0}
