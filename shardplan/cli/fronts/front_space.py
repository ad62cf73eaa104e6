"""What pictures of a front are of: costs to the right, times upwards, and how far they reach."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shardplan.cli.fronts.front_words import TIME_UNITS, cost_noun, time_noun

if TYPE_CHECKING:
    from shardplan.size.answer.dominated import Dominated
    from shardplan.size.answer.front import Front
    from shardplan.size.answer.open import Open
    from shardplan.size.answer.point import Point

_FURTHEST = 4.0
"""Times the largest of the front: what is further off would squeeze the front into a corner."""


@dataclass(frozen=True, eq=False)
class FrontSpace:
    """The axes of a front, and what is near enough to be shown."""

    cost_noun: str
    time_noun: str
    """With the unit of its numbers."""
    unit_seconds: float
    dominated: tuple[Dominated, ...]
    open: tuple[Open, ...]
    further: int
    """How many are not shown."""

    @classmethod
    def of(cls, front: Front) -> FrontSpace:
        """Of all but what is far behind the front."""
        costs = [point.cost for point in front.points]
        times = [point.time_seconds for point in front.points]

        def is_near(each: Dominated | Open) -> bool:
            is_dear = each.cost_bound > _FURTHEST * max(costs, default=math.inf)
            is_long = each.time_bound_seconds > _FURTHEST * max(times, default=math.inf)
            return not is_dear and not is_long

        dominated = tuple(each for each in front.dominated if is_near(each))
        still_open = tuple(each for each in front.open if is_near(each))
        further = len(front.dominated) + len(front.open) - len(dominated) - len(still_open)
        seconds, unit = _unit([*times, *(each.time_bound_seconds for each in dominated)])
        return cls(
            cost_noun(front),
            f"{time_noun(front)}, {unit}",
            seconds,
            dominated,
            still_open,
            further,
        )

    def place(self, point: Point) -> tuple[float, float]:
        """Cost and time of a plan."""
        return point.cost, point.time_seconds / self.unit_seconds

    def least_place(self, each: Point | Dominated | Open) -> tuple[float, float]:
        """Cost and time that no plan can beat."""
        return each.cost_bound, each.time_bound_seconds / self.unit_seconds


def _unit(seconds: list[float]) -> tuple[float, str]:
    """In which times of this size are told."""
    known = [value for value in seconds if value > 0] or [1.0]
    middle = math.sqrt(min(known) * max(known))
    return next((unit for unit in TIME_UNITS if middle >= 2 * unit[0]), (1.0, "s"))
