"""New data beside old: which tables moved, and what it does to the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shardplan.profile.drift.beyond_rows import BeyondRows
    from shardplan.profile.drift.movement import Movement
    from shardplan.profile.drift.plan_effect import PlanEffect


@dataclass(frozen=True, slots=True)
class ProfileDrift:
    """What ``profile NEW --against OLD`` finds."""

    movements: tuple[Movement, ...]
    """Of the tables that both have, in the new order."""
    appeared: tuple[str, ...] = ()
    """Tables that the old data lacks."""
    vanished: tuple[str, ...] = ()
    """Tables that the new data lacks."""
    effect: PlanEffect | None = None
    """On a plan, where one is given."""
    beyond: tuple[BeyondRows, ...] = ()
    """Tables of the plan that have no row for some ids of the new data."""

    @property
    def moved(self) -> tuple[Movement, ...]:
        """Tables whose ids are others, the one that moved most first."""
        found = [each for each in self.movements if each.has_moved]
        found.sort(key=lambda each: -max(each.unseen_excess, each.lost_excess))
        return tuple(found)

    @property
    def is_alarm(self) -> bool:
        """What a cron job is to hear of, by exit code 1: with a plan, that another would pay, or
        that ids have no row in it; without, that a table moved, appeared or vanished."""
        if self.effect is not None:
            return self.effect.advises_replan or bool(self.appeared or self.beyond)
        return bool(self.moved or self.appeared or self.vanished)
