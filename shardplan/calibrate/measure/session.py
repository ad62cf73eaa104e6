"""A calibration from its first task to its last, within a budget of time."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from shardplan.calibrate.measure.grid import ESSENTIAL
from shardplan.calibrate.measurements.measurement import Measurement
from shardplan.errors import Interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from shardplan.calibrate.measure.task import Task


class Crew(Protocol):
    """Whoever measures."""

    def measure(self, task: Task) -> tuple[float, ...]:
        """Seconds of each probe of a task."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a calibration is."""

    done: int
    """Tasks measured, those of an earlier run among them."""
    tasks: int
    elapsed_seconds: float
    budget_seconds: float

    @property
    def fraction(self) -> float:
        """Of the time or of the tasks, whichever ends first."""
        spent = self.elapsed_seconds / self.budget_seconds if self.budget_seconds else 1.0
        return min(1.0, max(spent, self.done / self.tasks))


def run_tasks(
    tasks: Sequence[Task],
    crew: Crew,
    budget_seconds: float,
    known: Iterable[Measurement] = (),
    keep: Callable[[Sequence[Measurement]], None] = lambda found: None,
    report: Callable[[Step], None] = lambda step: None,
    clock: Callable[[], float] = time.monotonic,
    essential: int = ESSENTIAL,
    is_interrupted: Callable[[], bool] = lambda: False,
) -> list[Measurement]:
    """Measure tasks in order until the budget is spent, but the essential ones at any rate.

    What is ``known`` is not measured again and comes back first; what is new goes to ``keep`` at
    once, so that nothing is lost where a run is cut short. Raises Interrupted before the next task.
    """
    measured = list(known)
    have = {measurement.probe for measurement in measured}
    started = clock()
    for done, task in enumerate(tasks):
        elapsed = clock() - started
        report(Step(done, len(tasks), elapsed, budget_seconds))
        if all(probe in have for probe in task.probes):
            continue
        if elapsed >= budget_seconds and done >= essential:
            break
        if is_interrupted():
            raise Interrupted("interrupted; the same command goes on from what was measured")
        seconds = crew.measure(task)
        timed = zip(task.probes, seconds, strict=True)
        found = [Measurement(probe, each) for probe, each in timed if probe not in have]
        keep(found)
        measured += found
    return measured
