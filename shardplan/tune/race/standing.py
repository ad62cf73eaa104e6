"""Where the plans of a race stand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from shardplan.tune.race.paired_times import PairedTimes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from shardplan.tune.tune_params import RaceParams


@dataclass(frozen=True, slots=True)
class Place:
    """Of one plan that has run."""

    plan: int
    seconds: float
    """Of a step, without what passes did to all plans."""
    runs: int
    ratio: float
    """Over the best plan, in the passes that had both."""
    least_ratio: float
    """Below which it is no more than by the error stated; 1 of the best."""
    is_out: bool
    """Whether it is surely slower than the best."""
    is_settled: bool
    """Whether it is surely not faster than the best by more than the margin."""


@dataclass(frozen=True, slots=True)
class Standing:
    """All plans that have run, the fastest first."""

    places: tuple[Place, ...]
    noise: float
    """Of one run, relative."""

    @classmethod
    def of(cls, seconds: NDArray[np.float64], params: RaceParams) -> Self:
        """``seconds`` (R, C): of R passes over C plans, nan where one did not run."""
        times = PairedTimes(seconds, params)
        ran = np.flatnonzero(np.isfinite(times.plan_seconds)).tolist()
        if not ran:
            return cls((), times.noise)
        best = _best(times, ran)
        rivals = len(ran) - 1
        places = [_place(times, plan, best, rivals) for plan in ran]
        places.sort(key=lambda place: (place.plan != best, place.seconds, place.plan))
        return cls(tuple(places), times.noise)

    @property
    def best(self) -> int | None:
        """The fastest plan; None where none has run."""
        return self.places[0].plan if self.places else None

    @property
    def contenders(self) -> tuple[int, ...]:
        """The best, and those that may be faster by more than the margin."""
        return tuple(
            place.plan for place in self.places if place.plan == self.best or not place.is_settled
        )

    @property
    def is_settled(self) -> bool:
        """Whether no plan may be faster than the best by more than the margin."""
        return all(place.is_settled for place in self.places)


def _best(times: PairedTimes, ran: list[int]) -> int:
    """The fastest by the polished times; of the two fastest, the one that wins where both ran."""
    first, *rest = sorted(ran, key=lambda plan: (times.plan_seconds[plan], plan))
    if rest and times.ratio(rest[0], first) < 1:
        return rest[0]
    return first


def _place(times: PairedTimes, plan: int, best: int, rivals: int) -> Place:
    seconds, runs = float(times.plan_seconds[plan]), times.runs(plan)
    if plan == best:
        return Place(plan, seconds, runs, 1.0, 1.0, False, True)
    least = times.least_ratio(plan, best, rivals)
    ratio = times.ratio(plan, best)
    is_settled = least > 1 - times.params.margin
    return Place(plan, seconds, runs, ratio, least, least > 1, is_settled)
