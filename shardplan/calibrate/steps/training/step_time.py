"""What a step of one plan took."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import groupby
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds of the slowest rank by the clock, medians over rounds."""

    plan: int
    """Position in the design."""
    distribute_seconds: float
    """Until a rank has the ids of its rows."""
    forward_seconds: float
    """Until a rank has the outputs of its samples."""
    backward_seconds: float
    """Until the rows are updated."""
    step_seconds: float
    core_seconds: float
    """Spent on a core in the step."""
    apart: float
    """How far the quartiles of the rounds' steps are apart, over their median."""

    @property
    def part_seconds(self) -> tuple[float, float, float]:
        """By the parts of a step, in order."""
        return self.distribute_seconds, self.forward_seconds, self.backward_seconds

    @classmethod
    def of_rounds(cls, plan: int, rounds: ArrayLike) -> Self:
        """From (rounds, clocks, parts and step) seconds."""
        seconds = np.asarray(rounds, dtype=np.float64)
        middle = np.median(seconds, axis=0)
        low, high = np.quantile(seconds[:, 0, -1], [0.25, 0.75])
        distribute, forward, backward, step = middle[0].tolist()
        apart = float((high - low) / step)
        return cls(plan, distribute, forward, backward, step, float(middle[1, -1]), apart)


def by_plan(times: Sequence[StepTime]) -> list[StepTime]:
    """One of each plan, in the order of the design: the means of those that were trained again."""
    ordered = sorted(times, key=lambda each: each.plan)
    return [_mean(list(same)) for _, same in groupby(ordered, key=lambda each: each.plan)]


def _mean(times: Sequence[StepTime]) -> StepTime:
    measured = [field.name for field in fields(StepTime) if field.name != "plan"]
    means = {name: float(np.mean([getattr(each, name) for each in times])) for name in measured}
    return StepTime(plan=times[0].plan, **means)
