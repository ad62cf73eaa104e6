"""How a solve ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.solve.problem.placement import Placement


class Ending(StrEnum):
    """Why a solve stopped."""

    GAP = "gap"
    """The asked gap was proven."""
    TIME_LIMIT = "time_limit"
    NODE_LIMIT = "node_limit"
    """The effort allowed was spent: nodes of a tree, steps of a search."""
    INTERRUPTED = "interrupted"
    PATIENCE = "patience"
    """Neither placement nor bound improved for as long as the caller cares to wait."""
    FINISHED = "finished"
    """All that was looked for was found; the asked gap was not proven of it."""


CUT_OFF = (Ending.INTERRUPTED, Ending.TIME_LIMIT, Ending.PATIENCE)
"""Ends that another run need not come to at the same point, the weightiest first."""


@dataclass(frozen=True, slots=True)
class ProvenBound:
    """What an earlier solve of the same problem has proven."""

    lower_bound: float
    """Seconds."""
    bound: str
    """What proved it, as in ``Outcome``."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a solve stood at a moment."""

    seconds: float
    objective: float
    lower_bound: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """The best placement, and what is proven of it."""

    placement: Placement | None
    """None where none was found."""
    objective: float
    """Seconds, recomputed from the placement; infinite without one."""
    lower_bound: float
    """Seconds that no placement can beat; infinite where it is proven that there is none."""
    bound: str
    """What proved the lower bound: ``relaxation``, ``option choice``, ``filling units``,
    ``patterns``, ``integer program`` or ``none``."""
    method: str
    """What found the placement."""
    ending: Ending
    history: tuple[Progress, ...]
    earlier: tuple[Placement, ...] = ()
    """What was taken before, the best last."""

    @property
    def gap(self) -> float:
        """``(objective - lower_bound) / lower_bound``; 0 where both are 0."""
        return gap_of(self.objective, self.lower_bound)

    def after(self, *others: Ending) -> Outcome:
        """The same, of solves one after the other: cut off where any of them was."""
        every = (self.ending, *others)
        found = next((each for each in CUT_OFF if each in every), self.ending)
        return replace(self, ending=found)

    @property
    def is_infeasible(self) -> bool:
        """Whether it is proven that no placement exists."""
        return self.placement is None and self.lower_bound == float("inf")


def gap_of(objective: float, lower_bound: float) -> float:
    """``(objective - lower_bound) / lower_bound``; 0 where both are 0."""
    if objective <= lower_bound:
        return 0.0
    return (objective - lower_bound) / lower_bound if lower_bound > 0 else float("inf")
