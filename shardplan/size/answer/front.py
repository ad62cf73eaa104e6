"""The answer: candidates that no other beats, and what is known of all others."""

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from shardplan.plan.file.plan_model import Count, PlanModel
from shardplan.size.answer.amounts import Amount
from shardplan.size.answer.dominated import Dominated
from shardplan.size.answer.impossible import Impossible
from shardplan.size.answer.open import Open, OpenReason
from shardplan.size.answer.point import Point
from shardplan.size.answer.price_facts import PriceFacts
from shardplan.size.answer.target import Target
from shardplan.spec.sizing.goal import Goal
from shardplan.spec.validation.fault import fault

FORMAT_VERSION = "1.0"
"""The major number changes when old readers would misread the file."""
_DECIDED = (OpenReason.WITHIN_GAP, OpenReason.NOT_REACHED)
"""What was solved as far as it was to be."""
_ROUNDING = 1e-7
"""Of amounts to 9 digits."""


class Front(PlanModel):
    """A sizing's file. The order of the fields is the order of the keys."""

    format_version: str = FORMAT_VERSION
    name: str
    """The spec's."""
    minimise: tuple[Goal, ...] = Field(min_length=1)
    target: Target | None = None
    samples: Amount | None = None
    """That time and cost are of; None where each batch needs its own number to the target loss."""
    currency: str | None = None
    """Such as ``USD``; None where no price was given: the cost is in device hours."""
    gap: Amount
    """To which the front was to be certain."""
    seed: Count
    candidates: Count
    """All that were asked about."""
    solved: Count
    """How many of them were solved in full."""
    cut_off: Count = 0
    """Of how many the clock ended a solve: another run may find another front."""
    points: tuple[Point, ...]
    """No candidate is known to beat any: the cheapest first, of equals the fastest."""
    dominated: tuple[Dominated, ...] = ()
    impossible: tuple[Impossible, ...] = ()
    open: tuple[Open, ...] = ()
    prices: tuple[PriceFacts, ...] = ()

    @classmethod
    def sorted(cls, points: tuple[Point, ...]) -> tuple[Point, ...]:
        """Points in the order of the file."""
        return tuple(sorted(points, key=lambda p: (p.cost, p.time_seconds, p.design)))

    @property
    def is_complete(self) -> bool:
        """Whether every candidate was decided, or solved to the gap that was asked for."""
        return all(each.reason in _DECIDED for each in self.open)

    @property
    def cost_unit(self) -> str:
        """``USD`` or ``device hours``."""
        return self.currency or "device hours"

    def solved_points(self) -> Iterator[Point]:
        """Every plan that is known: of the front, then those behind it."""
        yield from self.points
        behind = [each.point for each in self.dominated] + [each.point for each in self.open]
        yield from (point for point in behind if point is not None)

    @model_validator(mode="after")
    def _check(self) -> Self:
        known = {point.design: point for point in self.points}
        if len(known) < len(self.points):
            raise fault("has a candidate twice", "", at=("points",))
        for index, each in enumerate(self.dominated):
            by = known.get(each.by)
            if by is None:
                raise fault("is no candidate of the front", "", at=("dominated", index, "by"))
            for goal in self.minimise:
                if each.excess(goal, by) < -_ROUNDING:
                    message = f"is not dominated by {by.design.words} by {goal}"
                    raise fault(message, "", at=("dominated", index))
        return self
